/** The last bids of an auction: a ring of rows, so that one more bid writes one small row. Pure. */

import type { AuctionBid, AuctionState, BidVerdict } from 'gavel/schemas';

export const RING_SIZE = 50;

/** Key of the row of an auction's bid number `place`, counted from 0 without duplicates. */
export function recentBidKey(auctionId: string, place: number): string {
  const slot = place % RING_SIZE;
  return slot < 10 ? `${auctionId}\x000${slot}` : `${auctionId}\0${slot}`;
}

/** How many bids an auction has had; the next one takes this place. */
export function bidCount({ accepted, rejected }: AuctionState): number {
  return accepted + rejected;
}

/** The row of a bid that was judged in a known auction. */
export function recentBidOf(verdict: BidVerdict, flagged: boolean): AuctionBid {
  return {
    bidId: verdict.bidId,
    bidderId: verdict.bidderId,
    bidType: verdict.bidType,
    outcome: verdict.outcome,
    reason: verdict.reason,
    price: verdict.newPrice ?? 0,
    leads: verdict.leads,
    score: verdict.score,
    flagged,
    offset: verdict.input.offset,
    placedAt: verdict.placedAt,
    decidedAt: verdict.decidedAt,
  };
}
