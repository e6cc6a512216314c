/** The rules of a bid in a known auction, 2 to 6 in their order (0 and 1 stand in `judgement.ts`): who is refused and why, and how the auction stands after an accepted bid. Pure. */

import type { AuctionState, AuctionTerms, BidPlaced, Reason } from 'gavel/schemas';
import { AMOUNT_MAX } from './money.ts';
import { increment, type Increments } from './increments.ts';
import { isOpenBid, priceOf } from './price.ts';
import { endAfterBid } from './closing.ts';

/** A LIVE bid that claims to be placed later than this after its append is not believed. */
export const CLOCK_SKEW_MS = 5_000;

/** The time that the rules use: the append time, for BATCH auctions the time that the bid tells. */
export function ruleTime(auction: AuctionState | undefined, bid: BidPlaced, appendedAt: number): number {
  return auction?.terms?.channel === 'BATCH' ? bid.placedAt : appendedAt;
}

/** Rules 2 to 6 in a known auction: the first that fails, or null for an accepted bid. */
export function refusal(
  auction: AuctionState,
  bid: BidPlaced,
  appendedAt: number,
  increments: Increments,
): Reason | null {
  const { terms } = auction;
  if (terms === null) return 'AUCTION_ENDED';
  return (
    refusedByTime(auction, terms, bid, appendedAt) ??
    refusedByContent(auction, terms, bid) ??
    refusedByAmount(auction, terms, bid, increments)
  );
}

/** Rule 2. */
function refusedByTime(auction: AuctionState, terms: AuctionTerms, bid: BidPlaced, appendedAt: number): Reason | null {
  const live = terms.channel === 'LIVE';
  if (live && bid.placedAt > appendedAt + CLOCK_SKEW_MS) return 'INVALID_TIME';
  const time = live ? appendedAt : bid.placedAt;
  if (time < terms.startsAt) return 'NOT_STARTED';
  return auction.closedAt !== null || time >= auction.endsAt ? 'AUCTION_ENDED' : null;
}

/** Rule 3. A bigint is beyond the safe integers and so out of any range. */
function refusedByContent(auction: AuctionState, terms: AuctionTerms, bid: BidPlaced): Reason | null {
  if (bid.bidderId === terms.sellerId) return 'SELLER_BID';
  const { amount, currency } = bid;
  const valid = typeof amount === 'number' && amount > 0 && amount <= AMOUNT_MAX;
  return valid && (currency === null || currency === auction.currency) ? null : 'INVALID_AMOUNT';
}

/** Rules 4 to 6. */
function refusedByAmount(
  auction: AuctionState,
  terms: AuctionTerms,
  bid: BidPlaced,
  increments: Increments,
): Reason | null {
  const { leader, highest, price } = auction;
  if (highest === null) return bid.amount < terms.startPrice ? 'BELOW_START' : null;
  if (leader === bid.bidderId) return bid.amount <= highest ? 'NOT_HIGHER' : null;
  return bid.amount < price + increment(price, increments) ? 'TOO_LOW' : null;
}

export interface Acceptance {
  /** The time that the rules used. */
  readonly time: number;
  readonly offset: number;
  readonly flagged: boolean;
  readonly increments: Increments;
  /** The bidders that the row names, this one included. */
  readonly bidders: readonly string[] | null;
}

/** The auction after an accepted bid. */
export function acceptBid(
  auction: AuctionState,
  bid: BidPlaced,
  { time, offset, flagged, increments, bidders }: Acceptance,
): AuctionState {
  const terms = auction.terms as AuctionTerms;
  const amount = bid.amount as number;
  const { leader, highest, second, openMaximum, winningBid } = auction;
  const leads = highest === null || amount > highest;
  const standing = {
    highest: leads ? amount : highest,
    second: leads
      ? leader === null || leader === bid.bidderId
        ? second
        : highest
      : Math.max(second ?? amount, amount),
    openMaximum: leads && isOpenBid(bid.bidType) ? amount : openMaximum,
  };
  const price = priceOf(terms, standing, increments);
  const newLeader = leads ? bid.bidderId : leader;
  const moved = newLeader !== leader || price !== auction.price;
  return {
    ...auction,
    price,
    leader: newLeader,
    highest: standing.highest,
    second: standing.second,
    openMaximum: standing.openMaximum,
    accepted: auction.accepted + 1,
    endsAt: terms.softClose && moved ? endAfterBid(auction.endsAt, terms.endsAt, time) : auction.endsAt,
    bidders,
    winningBid: leads ? { bidId: bid.bidId, offset, flagged } : winningBid,
  };
}
