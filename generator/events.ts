/** What happens in a market. */

import type { BidPlaced, Item, User } from 'gavel/schemas';
import type { ShillKind } from './population.ts';
import type { AuctionPeriod } from './timing.ts';

/** What is wrong with a bid on purpose. */
export type Fault = 'late' | 'out-of-order' | 'duplicate' | 'malformed';

/** Who works for the seller of an auction. */
export interface ShillLabel {
  readonly kind: ShillKind;
  readonly bidderIds: readonly string[];
}

export interface UserEvent {
  readonly type: 'user';
  /** When it happens, ms since the epoch; never back within the sequence. */
  readonly at: number;
  readonly user: User;
}

export interface ListingEvent {
  readonly type: 'listing';
  readonly at: number;
  readonly item: Item;
  /** Null for an honest auction. */
  readonly shill: ShillLabel | null;
}

export interface BidEvent {
  readonly type: 'bid';
  readonly at: number;
  readonly bid: BidPlaced;
  readonly currency: string;
  readonly period: AuctionPeriod;
  /** How it was placed for a colluding seller; null for an honest bid. */
  readonly shill: ShillKind | null;
  /** What is wrong with it on purpose. */
  readonly fault: Fault | null;
}

export type MarketEvent = UserEvent | ListingEvent | BidEvent;
