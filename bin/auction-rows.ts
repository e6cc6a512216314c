/** What commands show of an auction: public things only, and nothing of the wall clock. */

import type { AuctionBid, AuctionState } from 'gavel/schemas';

/** One line of `auctions list --json`, keys in this order. */
export interface AuctionRow {
  readonly auctionId: string;
  readonly status: AuctionState['status'];
  /** Minor units. */
  readonly price: number;
  readonly currency: string;
  readonly leader: string | null;
  readonly accepted: number;
  readonly rejected: number;
  /** ISO 8601 in UTC with milliseconds. */
  readonly endsAt: string;
}

export function auctionRow({
  auctionId,
  status,
  price,
  currency,
  leader,
  accepted,
  rejected,
  endsAt,
}: AuctionState): AuctionRow {
  return { auctionId, status, price, currency, leader, accepted, rejected, endsAt: new Date(endsAt).toISOString() };
}

export interface ShownBid {
  readonly bidId: string;
  readonly bidderId: string;
  readonly bidType: AuctionBid['bidType'];
  readonly outcome: AuctionBid['outcome'];
  readonly reason: AuctionBid['reason'];
  readonly price: number;
  readonly leads: boolean;
  readonly score: number;
  readonly flagged: boolean;
  readonly offset: number;
  readonly decidedAt: string;
}

/** `auctions show`: the row, the listing without its reserve price, the settlement and the last bids, newest first. */
export interface AuctionDetail extends AuctionRow {
  readonly title: string | null;
  readonly category: string | null;
  readonly sellerId: string | null;
  readonly startPrice: number | null;
  readonly startsAt: string | null;
  readonly settlement: AuctionState['settlement'];
  readonly bids: readonly ShownBid[];
}

export function auctionDetail(auction: AuctionState, bids: readonly AuctionBid[]): AuctionDetail {
  const { terms, settlement } = auction;
  return {
    ...auctionRow(auction),
    title: terms?.title ?? null,
    category: terms?.category ?? null,
    sellerId: terms?.sellerId ?? null,
    startPrice: terms?.startPrice ?? null,
    startsAt: terms === null ? null : new Date(terms.startsAt).toISOString(),
    settlement,
    bids: [...bids].sort((a, b) => b.offset - a.offset).map(shownBid),
  };
}

function shownBid(bid: AuctionBid): ShownBid {
  const { bidId, bidderId, bidType, outcome, reason, price, leads, score, flagged, offset, decidedAt } = bid;
  return {
    bidId,
    bidderId,
    bidType,
    outcome,
    reason,
    price,
    leads,
    score,
    flagged,
    offset,
    decidedAt: new Date(decidedAt).toISOString(),
  };
}
