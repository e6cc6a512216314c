/** What a market gets wrong on purpose: bids that come out of order, twice or malformed. Late ones are made by their auctions. */

import type { BidEvent, MarketEvent } from './events.ts';
import { integerBelow, type Random } from './random.ts';

/** Shares of all bids, each 0..1. A duplicate takes the place of a bid, so the number of bids stays. */
export interface FaultShares {
  /** After the end of their auction. */
  readonly late: number;
  /** Sent after bids that were placed later. */
  readonly outOfOrder: number;
  /** The same bid once more. */
  readonly duplicate: number;
  /** Cannot be read. */
  readonly malformed: number;
}

export const NO_FAULTS: FaultShares = Object.freeze({ late: 0, outOfOrder: 0, duplicate: 0, malformed: 0 });

/** Duplicates repeat one of so many last bids; bids out of order wait for at most so many others. */
const REACH = 20;

/** The same events with faults among the bids; `at` never goes back. */
export function* addFaults(events: Iterable<MarketEvent>, shares: FaultShares, random: Random): Generator<MarketEvent> {
  const recent: BidEvent[] = [];
  const held: { readonly event: BidEvent; left: number }[] = [];
  let now = 0;
  for (const event of events) {
    now = event.at;
    if (event.type !== 'bid') {
      yield event;
      continue;
    }
    const faulty = withFault(event, shares, { random, recent });
    if (faulty.fault === 'out-of-order') {
      held.push({ event: faulty, left: 1 + integerBelow(random, REACH) });
      continue;
    }
    yield faulty;
    remember(recent, faulty);
    for (let i = held.length - 1; i >= 0; i--) {
      const waiting = held[i] as (typeof held)[number];
      if (--waiting.left > 0) continue;
      held.splice(i, 1);
      yield { ...waiting.event, at: now };
    }
  }
  for (const { event } of held) yield { ...event, at: now };
}

function withFault(
  event: BidEvent,
  shares: FaultShares,
  { random, recent }: { readonly random: Random; readonly recent: readonly BidEvent[] },
): BidEvent {
  const draw = random();
  if (draw < shares.duplicate && recent.length > 0) {
    const again = recent[integerBelow(random, recent.length)] as BidEvent;
    return { ...again, at: event.at, fault: 'duplicate' };
  }
  if (draw < shares.duplicate + shares.outOfOrder) return { ...event, fault: 'out-of-order' };
  if (draw < shares.duplicate + shares.outOfOrder + shares.malformed) return { ...event, fault: 'malformed' };
  return event;
}

function remember(recent: BidEvent[], event: BidEvent): void {
  if (event.fault !== null) return;
  recent.push(event);
  if (recent.length > REACH) recent.shift();
}
