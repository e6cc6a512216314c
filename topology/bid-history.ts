/** One bidder in one auction: what the rules and the fraud signals remember of the earlier bids. Pure. */

import type { BidHistory, RecentBid } from 'gavel/schemas';

/** Bids of one bidder in one auction whose ids are still known as duplicates. */
export const RECENT_BIDS = 8;
/** Times of accepted bids that are kept for the velocity. */
export const RECENT_TIMES = 6;

/** Key of the row. An auctionId that was listed holds no NUL, so the keys of one auction are a prefix. */
export function historyKey(auctionId: string, bidderId: string): string {
  return `${auctionId}\0${bidderId}`;
}

/** Rule 0: the bid of the same id among the bidder's last ones in this auction. */
export function findEarlierBid(history: BidHistory | undefined, bidId: string): RecentBid | undefined {
  if (history === undefined) return undefined;
  for (const earlier of history.recent) if (earlier.bidId === bidId) return earlier;
  return undefined;
}

const NO_HISTORY: BidHistory = Object.freeze({
  bids: 0,
  maximum: 0,
  firstAt: 0,
  lastAt: 0,
  selfRaises: 0,
  lastTimes: Object.freeze([]),
  recent: Object.freeze([]),
  expiresAt: null,
});

/** The row after a bid that was refused. `expiresAt` where no closing will remove the row. */
export function withRefusedBid(history: BidHistory = NO_HISTORY, bid: RecentBid, expiresAt: number | null): BidHistory {
  return { ...history, recent: withLast(history.recent, bid, RECENT_BIDS), expiresAt };
}

export interface AcceptedBid {
  readonly recent: RecentBid;
  /** The time that the rules used. */
  readonly time: number;
  readonly amount: number;
  /** Whether the bidder led already. */
  readonly selfRaise: boolean;
}

/** The row after a bid that was accepted. */
export function withAcceptedBid(
  history: BidHistory = NO_HISTORY,
  { recent, time, amount, selfRaise }: AcceptedBid,
): BidHistory {
  return {
    bids: history.bids + 1,
    maximum: Math.max(history.maximum, amount),
    firstAt: history.bids === 0 ? time : history.firstAt,
    lastAt: time,
    selfRaises: history.selfRaises + (selfRaise ? 1 : 0),
    lastTimes: withLast(history.lastTimes, time, RECENT_TIMES),
    recent: withLast(history.recent, recent, RECENT_BIDS),
    expiresAt: null,
  };
}

/** Fills the new list itself: a spread of a slice takes five times as long. */
function withLast<T>(list: readonly T[], last: T, max: number): readonly T[] {
  const dropped = list.length < max ? 0 : 1;
  const kept = list.length - dropped;
  const longer = new Array<T>(kept + 1);
  for (let i = 0; i < kept; i++) longer[i] = list[i + dropped] as T;
  longer[kept] = last;
  return longer;
}
