/** What everybody may know about an auction. Pure. */

import type { AuctionState, CurrentPrice } from 'gavel/schemas';
import { isReserveMet } from './closing.ts';
import { increment, incrementsOf } from './increments.ts';

/** The public record of an auction whose row still knows its terms. */
export function currentPriceOf(auction: AuctionState, updatedAt: number): CurrentPrice {
  return {
    type: 'CurrentPrice',
    auctionId: auction.auctionId,
    currency: auction.currency,
    price: auction.price,
    leader: auction.leader,
    bids: auction.accepted,
    nextMinimum: auction.closedAt === null ? nextMinimum(auction) : null,
    endsAt: auction.endsAt,
    status: auction.status,
    reserveMet: isReserveMet(auction),
    updatedAt,
  };
}

/** The least amount that a bidder who does not lead may bid. */
function nextMinimum({ leader, price, currency }: AuctionState): number {
  return leader === null ? price : price + increment(price, incrementsOf(currency));
}
