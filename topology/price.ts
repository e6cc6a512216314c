/** The public price of an auction: from its standing after each bid, and from the list of its bids by definition. */

import type { BidType } from 'gavel/schemas';
import { increment, type Increments } from './increments.ts';

/** What the price depends on. Minor units. */
export interface Standing {
  /** The leader's maximum; null while nobody leads. */
  readonly highest: number | null;
  /** The highest maximum of the other bidders. */
  readonly second: number | null;
  /** The highest amount that was bid openly by a bidder who led with it. */
  readonly openMaximum: number | null;
}

/** What the listing says about the price. Minor units. */
export interface PriceTerms {
  readonly startPrice: number;
  readonly reservePrice: number | null;
}

/** MANUAL and SNIPE amounts are bid openly, a PROXY amount is a maximum. */
export function isOpenBid(bidType: BidType): boolean {
  return bidType !== 'PROXY';
}

/** The public price. It never falls, for no part of a standing ever does. */
export function priceOf(terms: PriceTerms, standing: Standing, increments: Increments): number {
  const { startPrice, reservePrice } = terms;
  const { highest, second, openMaximum } = standing;
  if (highest === null) return startPrice;
  let price = startPrice;
  if (second !== null) price = Math.max(price, Math.min(highest, second + increment(second, increments)));
  if (openMaximum !== null && openMaximum > price) price = openMaximum;
  if (reservePrice !== null && highest >= reservePrice && reservePrice > price) price = reservePrice;
  return price;
}

/** One accepted bid of a list. */
export interface PlacedAmount {
  readonly bidderId: string;
  readonly amount: number;
  readonly bidType: BidType;
}

/**
 * The price by its definition, from all accepted bids in their order. Slow, for tests and explanations:
 * the highest maximum and the highest one of any other bidder decide, and the open bids that exceeded all before them.
 */
export function priceOfBids(terms: PriceTerms, bids: readonly PlacedAmount[], increments: Increments): number {
  const maxima = new Map<string, number>();
  let highestSoFar = -Infinity;
  let openMaximum: number | null = null;
  let leader = '';
  for (const { bidderId, amount, bidType } of bids) {
    maxima.set(bidderId, Math.max(maxima.get(bidderId) ?? -Infinity, amount));
    if (amount <= highestSoFar) continue;
    highestSoFar = amount;
    leader = bidderId;
    if (isOpenBid(bidType)) openMaximum = amount;
  }
  const others = [...maxima].filter(([bidderId]) => bidderId !== leader).map(([, maximum]) => maximum);
  const parts = [terms.startPrice, openMaximum ?? terms.startPrice];
  if (others.length > 0) {
    const second = Math.max(...others);
    parts.push(Math.min(highestSoFar, second + increment(second, increments)));
  }
  if (terms.reservePrice !== null && highestSoFar >= terms.reservePrice) parts.push(terms.reservePrice);
  return Math.max(...parts);
}
