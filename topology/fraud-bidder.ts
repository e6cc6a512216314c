/** The three fraud signals that only a bidder's history over all auctions shows. Pure. */

import type { BidderBid, BidderClosing, BidderSeller, BidderState, Signal } from 'gavel/schemas';
import { millionths, withSignal } from './fraud-local.ts';
import { exponentOf } from './money.ts';
import { ONE, type Weights } from './weights.ts';

/**
 * The local signals of an accepted bid and those of its bidder.
 *
 * @param bidder the bidder's row, this bid included
 * @param seller the bidder's row with this seller, this bid included
 */
export function allSignals(
  bidder: BidderState,
  seller: BidderSeller,
  bid: BidderBid,
  weights: Weights,
): readonly Signal[] {
  const table = weights.signals;
  let signals = bid.signals;
  if (bidder.auctions >= table['seller-affinity'].auctionsMin && seller.won === 0) {
    signals = withSignal(signals, 'seller-affinity', millionths(seller.auctions, bidder.auctions));
  }
  if (bidder.heavyAuctions >= table['losing-ratio'].auctionsMin) {
    const lost = bidder.heavyAuctions - bidder.heavyWon;
    signals = withSignal(signals, 'losing-ratio', millionths(lost, bidder.heavyAuctions));
  }
  return withSignal(signals, 'new-account', isNewAccountAbove(bidder, bid, weights) ? ONE : 0);
}

/** Whether a closing counts for the losing ratio: held fair to its end, with a good part of the bids. */
export function isHeavy({ status, bids, auctionBids }: BidderClosing, weights: Weights): boolean {
  return status !== 'CANCELLED' && bids * 100 >= auctionBids * weights.signals['losing-ratio'].sharePercent;
}

function isNewAccountAbove({ registeredAt, rating }: BidderState, bid: BidderBid, weights: Weights): boolean {
  if (registeredAt === null || rating === null) return false;
  const { ageMs, priceByCategory, priceOtherwise } = weights.signals['new-account'];
  if (bid.decidedAt - registeredAt >= ageMs && rating >= 0) return false;
  const known = Object.hasOwn(priceByCategory, bid.category) ? priceByCategory[bid.category] : undefined;
  return bid.price > (known ?? priceOtherwise) * 10 ** ((exponentOf(bid.currency) ?? 2) - 2);
}
