/** When an auction needs attention, and what it becomes then: opened, extended, closed, shrunk. Pure. */

import type { AuctionState, AuctionStatus } from 'gavel/schemas';

export const DAY_MS = 24 * 3_600_000;

/** Soft close: a bid in this last stretch moves the end… */
export const SOFT_CLOSE_MS = 120_000;
/** …at most this far behind the end as listed. */
export const SOFT_CLOSE_MAX_MS = 60 * 60_000;
/** How long after its closing an auction's bids stay in the state. */
export const FORGET_BIDS_MS = 7 * DAY_MS;
/** Days that the shrunk row of a closed auction is kept. */
export const KEEP_CLOSED_DAYS = 90;

/** The end after a bid at `time` that changed leader or price. */
export function endAfterBid(endsAt: number, listedEnd: number, time: number): number {
  if (endsAt - time > SOFT_CLOSE_MS) return endsAt;
  return Math.min(listedEnd + SOFT_CLOSE_MAX_MS, Math.max(endsAt, time + SOFT_CLOSE_MS));
}

/**
 * The next moment at which an auction needs attention without a record of its own; undefined where it waits for one:
 * its start, its end, bidders still to be told of the closing, its bids to be forgotten, its row to be removed.
 */
export function dueAt(auction: AuctionState, keepClosedDays: number): number | undefined {
  const { status, terms, closedAt } = auction;
  if (closedAt !== null) {
    if (auction.factsFrom !== null) return closedAt;
    if (terms === null) return closedAt + Math.max(FORGET_BIDS_MS, keepClosedDays * DAY_MS);
    return isForgotten(auction) ? undefined : closedAt + FORGET_BIDS_MS;
  }
  if (terms === null || terms.channel === 'BATCH') return undefined;
  return status === 'SCHEDULED' ? terms.startsAt : auction.endsAt;
}

/** Whether the bids of a closed auction have gone from the state. */
export function isForgotten({ terms, settlement, winningBid }: AuctionState): boolean {
  return terms === null || (settlement === 'HELD' && winningBid === null);
}

/** Whether the reserve is met; true without one. */
export function isReserveMet({ terms, highest }: AuctionState): boolean {
  const reserve = terms?.reservePrice ?? null;
  return reserve === null || (highest !== null && highest >= reserve);
}

/** The auction after its closing, with its settlement where it is sold. */
export function closed(auction: AuctionState, closedAt: number, cancelled: boolean): AuctionState {
  const status = closingStatus(auction, cancelled);
  const settlement = status !== 'SOLD' ? null : auction.winningBid?.flagged === true ? 'HELD' : 'PENDING';
  return { ...auction, status, settlement, closedAt };
}

function closingStatus(auction: AuctionState, cancelled: boolean): AuctionStatus {
  if (cancelled) return 'CANCELLED';
  if (auction.accepted === 0) return 'NO_BIDS';
  return isReserveMet(auction) ? 'SOLD' : 'RESERVE_NOT_MET';
}

/** The row without all that a list does not show; a held settlement keeps the terms until it is decided. */
export function shrunk(auction: AuctionState): AuctionState {
  const terms = auction.settlement === 'HELD' ? auction.terms : null;
  return { ...auction, terms, highest: null, second: null, openMaximum: null, winningBid: null, bidders: null };
}
