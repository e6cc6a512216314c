/** One auction judged by the pure functions alone, with rows in memory. */

import type { AuctionState, BidHistory, BidPlaced, BidType, BidVerdict, Listing, Money } from 'gavel/schemas';
import { judgeBid } from '../../../topology/judgement.ts';
import { openAuction } from '../../../topology/listing.ts';
import { DEFAULT_WEIGHTS } from '../../../topology/weights.ts';

export const HOUR = 3_600_000;

export function listingOf(more: Partial<Listing> = {}): Listing {
  return {
    type: 'Listing',
    auctionId: 'a',
    itemId: 'item',
    sellerId: 'seller',
    title: 'A clock',
    category: 'Antiques',
    currency: 'USD',
    startPrice: 1_000,
    reservePrice: null,
    startsAt: 0,
    endsAt: HOUR,
    channel: 'LIVE',
    softClose: false,
    ...more,
  };
}

export interface BidOptions {
  readonly bidId?: string;
  readonly currency?: string | null;
  readonly placedAt?: number;
}

export class Saleroom {
  auction: AuctionState | undefined;
  readonly histories = new Map<string, BidHistory | undefined>();
  #offset = 0;

  constructor(listing: Partial<Listing> | undefined = {}) {
    this.auction = openAuction(listingOf(listing), 0);
  }

  /** Judges a bid appended at `time` (default 1 s after the start) and keeps the rows after it. */
  bid(
    bidderId: string,
    bidType: BidType,
    amount: Money,
    { time = 1_000, ...more }: BidOptions & { readonly time?: number } = {},
  ): BidVerdict {
    const offset = this.#offset++;
    const bid: BidPlaced = {
      type: 'BidPlaced',
      bidId: `bid-${offset}`,
      auctionId: 'a',
      bidderId,
      amount,
      currency: null,
      bidType,
      placedAt: time,
      device: null,
      ...more,
    };
    const record = { key: 'a', value: bid, timestamp: time, headers: [], topic: 'auction.bids', partition: 0, offset };
    const judgement = judgeBid(this.auction, this.histories.get(bidderId), record, DEFAULT_WEIGHTS);
    this.auction = judgement.auction;
    this.histories.set(bidderId, judgement.history);
    return judgement.verdict;
  }
}
