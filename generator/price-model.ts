/** What the simulator believes about the price of one auction: the rules applied to what it sent, corrected by what it sees. */

import type { BidType } from 'gavel/schemas';
import { increment, incrementsOf, type Increments } from '../topology/increments.ts';
import { isOpenBid, priceOf, type PriceTerms } from '../topology/price.ts';

/** The public state of an auction as the application shows it. Minor units. */
export interface SeenPrice {
  readonly price: number;
  readonly leader: string | null;
}

export class PriceModel {
  price: number;
  leader: string | null = null;
  /** The leader's maximum; the price while nobody leads. */
  highest: number;
  #second: number | null = null;
  #openMaximum: number | null = null;
  readonly #terms: PriceTerms;
  readonly #increments: Increments;

  constructor(terms: PriceTerms, currency: string) {
    this.#terms = terms;
    this.#increments = incrementsOf(currency);
    this.price = terms.startPrice;
    this.highest = terms.startPrice;
  }

  /** The least bid of somebody who does not lead. */
  get nextMinimum(): number {
    return this.leader === null ? this.price : this.price + this.step;
  }

  get step(): number {
    return increment(this.price, this.#increments);
  }

  /** Others bid too: a higher price than ours is the truth. */
  see(seen: SeenPrice): void {
    if (seen.leader === null || seen.price < this.price) return;
    if (seen.leader !== this.leader) {
      this.#second = this.leader === null ? null : this.highest;
      this.leader = seen.leader;
      this.highest = seen.price;
    }
    this.price = seen.price;
    this.highest = Math.max(this.highest, seen.price);
  }

  /** Takes a bid by the rules 4 to 6; a bid that they refuse changes nothing. */
  bid(bidder: string, amount: number, bidType: BidType): void {
    if (bidder === this.leader ? amount <= this.highest : amount < this.nextMinimum) return;
    if (this.leader === null || amount > this.highest) {
      if (this.leader !== null && bidder !== this.leader) this.#second = this.highest;
      this.leader = bidder;
      this.highest = amount;
      if (isOpenBid(bidType)) this.#openMaximum = amount;
    } else {
      this.#second = Math.max(this.#second ?? 0, amount);
    }
    const standing = { highest: this.highest, second: this.#second, openMaximum: this.#openMaximum };
    this.price = Math.max(this.price, priceOf(this.#terms, standing, this.#increments));
  }
}
