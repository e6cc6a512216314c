/** One auction of the market: who bids next, when and how much. Keeps nothing of bids that were made. */

import type { BidType, Item } from 'gavel/schemas';
import { PriceModel, type SeenPrice } from './price-model.ts';
import type { Colluder, Population, ShillKind } from './population.ts';
import { between, integerBelow, logNormal, pick, type Random } from './random.ts';
import { planShills, type ShillMove } from './shill-plan.ts';
import { sharesBeside, timeOfShare, windowScale, type AuctionPeriod } from './timing.ts';

const SECOND_MS = 1000;
const MINUTE_MS = 60 * SECOND_MS;
/** A person needs this long between two bids in one auction. */
const THINKING_MS = 4 * SECOND_MS;
/** Late bids come within this long after the end, scaled like the windows. */
const LATE_MS = 10 * MINUTE_MS;
/** Steps above the least bid, each as likely. */
const STEPS_ABOVE = [0, 0, 0, 0, 1, 1, 2, 3] as const;
/** Open bids rise by at most this factor, but for a few impatient ones. */
const RISE_MAX = 1.3;
const IMPATIENT_RISE_MAX = 4;
const NEWCOMER_CHANCE = 0.3;
const SELF_RAISE_CHANCE = 0.015;
const IMPATIENT_CHANCE = 0.02;
/** Share of bids that were made with an outdated price in view. */
const OUTDATED_CHANCE = 0.01;

export interface AuctionPlan {
  readonly number: number;
  readonly item: Item;
  /** Number of the item's category. */
  readonly category: number;
  readonly seller: number;
  /** What the item is worth on the whole, in minor units. */
  readonly value: number;
  /** Bids to be made in all. */
  readonly bids: number;
  /** How many of them come after the end. */
  readonly lateBids: number;
  readonly colluder: Colluder | null;
  /** Users who turn up here in any case: shills who bid elsewhere to look honest. */
  readonly guests: readonly number[];
  /** Bids before this time are left out: the auction ran already when the market opened. */
  readonly bidsFrom: number;
  /** Whether the first bid comes in the first moment. */
  readonly bidAtOnce: boolean;
}

/** What a bidder decided. */
export interface Decision {
  readonly user: number;
  /** Minor units. */
  readonly amount: number;
  readonly bidType: BidType;
  /** How it was placed for a colluding seller; null for an honest bid. */
  readonly shill: ShillKind | null;
}

interface Bidder {
  readonly user: number;
  /** What the item is worth to this one, in minor units. */
  value: number;
  lastAt: number;
  hasRaised: boolean;
}

export class MarketAuction implements AuctionPeriod {
  readonly number: number;
  readonly item: Item;
  readonly startsAt: number;
  readonly endsAt: number;
  readonly colluder: Colluder | null;
  /** When the next bid is due, ms since the epoch; infinite when there is none. */
  nextAt = Infinity;

  readonly #plan: AuctionPlan;
  readonly #population: Population;
  readonly #random: Random;
  readonly #model: PriceModel;
  readonly #bidders: Bidder[] = [];
  readonly #moves: readonly ShillMove[];
  /** Up to where shills push the price. */
  readonly #target: number;
  /** When honest bids come, so that all bids together follow the timing table. */
  readonly #shares: readonly number[];
  #movesMade = 0;
  #honestLeft: number;
  #lateLeft: number;
  /** Share of the honest bids' time that is over; the times come sorted out of it, one by one. */
  #share = 0;
  #nextHonestAt = Infinity;

  constructor(plan: AuctionPlan, population: Population, random: Random) {
    this.#plan = plan;
    this.#population = population;
    this.#random = random;
    this.number = plan.number;
    this.item = plan.item;
    this.startsAt = plan.item.startsAt;
    this.endsAt = plan.item.endsAt;
    this.colluder = plan.colluder;
    const startPrice = Number(plan.item.startPrice);
    const reservePrice = plan.item.reservePrice === null ? null : Number(plan.item.reservePrice);
    this.#model = new PriceModel({ startPrice, reservePrice }, plan.item.currency);
    this.#target = plan.value * between(random, 1, 1.5);
    const onTime = plan.bids - plan.lateBids;
    const moves = plan.colluder === null ? [] : planShills(plan.colluder, this, Math.floor(onTime * 0.6), random);
    this.#moves = moves.filter(({ at }) => at >= plan.bidsFrom);
    this.#honestLeft = onTime - moves.length;
    this.#shares = sharesBeside(
      this,
      moves.map(({ at }) => at),
      onTime,
    );
    this.#lateLeft = plan.lateBids;
    this.#open();
  }

  /** The bid that is due at `nextAt`, which moves on. `seen` corrects the believed price. */
  next(seen: SeenPrice | undefined): Decision {
    const at = this.nextAt;
    if (seen !== undefined) this.#model.see(seen);
    const move = this.#moves[this.#movesMade];
    let decision: Decision;
    if (move !== undefined && move.at <= at) {
      this.#movesMade++;
      decision = this.#shillBid(move) ?? this.#honestBid(at);
    } else {
      decision = this.#honestBid(at);
      this.#drawHonestTime();
    }
    if (at < this.endsAt) this.#model.bid(this.#population.id(decision.user), decision.amount, decision.bidType);
    this.#schedule(at);
    return decision;
  }

  #open(): void {
    const { bidsFrom, bidAtOnce } = this.#plan;
    do this.#drawHonestTime();
    while (this.#nextHonestAt < bidsFrom);
    if (bidAtOnce && this.#nextHonestAt < Infinity) this.#nextHonestAt = this.startsAt;
    this.#schedule(this.startsAt);
  }

  /** The next of the sorted honest times: the least of the `left` draws that are uniform over the rest. */
  #drawHonestTime(): void {
    this.#nextHonestAt = Infinity;
    if (this.#honestLeft === 0) return;
    this.#share = 1 - (1 - this.#share) * (1 - this.#random()) ** (1 / this.#honestLeft--);
    this.#nextHonestAt = timeOfShare(this, this.#share, this.#shares);
  }

  #schedule(now: number): void {
    const moveAt = this.#moves[this.#movesMade]?.at ?? Infinity;
    this.nextAt = Math.min(this.#nextHonestAt, moveAt);
    if (this.nextAt < Infinity || this.#lateLeft === 0) return;
    const gap = between(this.#random, 0, (LATE_MS * windowScale(this)) / this.#plan.lateBids);
    this.nextAt = Math.floor(Math.max(now, this.endsAt) + gap);
    this.#nextHonestAt = this.nextAt;
    this.#lateLeft--;
  }

  #honestBid(at: number): Decision {
    const random = this.#random;
    const leader = this.#bidders.find(({ user }) => this.#leads(user));
    if (leader !== undefined && !leader.hasRaised && random() < SELF_RAISE_CHANCE && this.#hasThought(leader, at)) {
      leader.hasRaised = true;
      leader.lastAt = at;
      const amount = this.#model.highest + this.#model.step * (1 + integerBelow(random, 5));
      return { user: leader.user, amount, bidType: 'PROXY', shill: null };
    }
    const bidder = this.#chooseBidder(at);
    bidder.lastAt = at;
    return { user: bidder.user, shill: null, ...this.#honestAmount(bidder, at) };
  }

  #honestAmount(bidder: Bidder, at: number): Pick<Decision, 'amount' | 'bidType'> {
    const random = this.#random;
    const { price, nextMinimum, step, leader } = this.#model;
    const habit = this.#population.habitOf(bidder.user);
    if (random() < OUTDATED_CHANCE) return { amount: Math.max(1, nextMinimum - step), bidType: 'MANUAL' };
    if (habit === 'proxy') {
      const round = bidder.value >= 100_00 ? 5_00 : 50;
      return { amount: Math.max(nextMinimum, Math.floor(bidder.value / round) * round), bidType: 'PROXY' };
    }
    const impatient = random() < IMPATIENT_CHANCE;
    const wish = impatient
      ? price * between(random, RISE_MAX, IMPATIENT_RISE_MAX)
      : nextMinimum + step * pick(random, STEPS_ABOVE);
    const limit = leader === null || impatient ? bidder.value : Math.min(bidder.value, price * RISE_MAX);
    const late = this.endsAt - at <= MINUTE_MS * windowScale(this);
    return {
      amount: Math.max(nextMinimum, Math.floor(Math.min(wish, limit))),
      bidType: habit === 'sniper' && late ? 'SNIPE' : 'MANUAL',
    };
  }

  /** One who is here and can bid, or a newcomer, or one who thinks again: there is always somebody. */
  #chooseBidder(at: number): Bidder {
    const random = this.#random;
    let chosen: Bidder | undefined;
    let outbid: Bidder | undefined;
    let able = 0;
    let out = 0;
    for (const bidder of this.#bidders) {
      if (this.#leads(bidder.user) || !this.#hasThought(bidder, at)) continue;
      if (bidder.value >= this.#model.nextMinimum) {
        if (random() * ++able < 1) chosen = bidder;
      } else if (random() * ++out < 1) {
        outbid = bidder;
      }
    }
    if (chosen !== undefined && random() >= NEWCOMER_CHANCE) return chosen;
    if (outbid !== undefined && random() < 0.25) return this.#thinkAgain(outbid);
    return this.#welcome() ?? chosen ?? this.#thinkAgain(outbid ?? this.#longestSilent());
  }

  /** A user who was not here yet, if one is found. */
  #welcome(): Bidder | undefined {
    const { guests, category, seller, value } = this.#plan;
    const isFresh = (user: number): boolean => user !== seller && this.#bidders.every((known) => known.user !== user);
    let user = guests.find(isFresh);
    for (let tries = 0; user === undefined && tries < 8; tries++) {
      const candidate = this.#population.honestBidder(category, this.#random);
      if (isFresh(candidate)) user = candidate;
    }
    if (user === undefined) return undefined;
    const worth = logNormal(this.#random, value, 0.25);
    const bidder = { user, value: Math.floor(worth), lastAt: -Infinity, hasRaised: false };
    this.#bidders.push(bidder);
    return worth >= this.#model.nextMinimum ? bidder : this.#thinkAgain(bidder);
  }

  #thinkAgain(bidder: Bidder): Bidder {
    bidder.value = Math.ceil(this.#model.nextMinimum * between(this.#random, 1.02, 1.25));
    return bidder;
  }

  #longestSilent(): Bidder {
    const others = this.#bidders.filter(({ user }) => !this.#leads(user));
    const candidates = others.length > 0 ? others : this.#bidders;
    return candidates.reduce((least, bidder) => (bidder.lastAt < least.lastAt ? bidder : least));
  }

  #hasThought(bidder: Bidder, at: number): boolean {
    return bidder.lastAt + THINKING_MS <= at;
  }

  #leads(user: number): boolean {
    return this.#model.leader === this.#population.id(user);
  }

  /** What the move comes to; null where the price is high enough already. */
  #shillBid(move: ShillMove): Decision | null {
    const random = this.#random;
    const { kind, shills } = this.#plan.colluder as Colluder;
    const { price, nextMinimum, step, highest } = this.#model;
    if (nextMinimum > this.#target) return null;
    const open = (user: number, amount: number): Decision => ({ user, amount, bidType: 'MANUAL', shill: kind });
    const above = step * integerBelow(random, 3);
    if (kind === 'self-raising' && this.#leads(move.user)) return open(move.user, highest + step + above);
    const user = [move.user, ...shills].find((account) => !this.#leads(account));
    if (user === undefined) return null;
    const jump = move.jump ? Math.min(this.#target, price * between(random, 1.6, 3.2)) : 0;
    return open(user, Math.max(nextMinimum + above, Math.floor(jump)));
  }
}
