/** The market: users, listings and bids of many auctions as one lazy sequence in order of time, the same for the same seed. */

import { GavelError } from 'gavel/streams';
import type { BidPlaced, Item } from 'gavel/schemas';
import { Agenda } from './agenda.ts';
import { arrivals, type Arrival, type Supply } from './arrivals.ts';
import type { BidEvent, MarketEvent, ShillLabel } from './events.ts';
import { addFaults, type FaultShares } from './faults.ts';
import { MarketAuction, type AuctionPlan } from './market-auction.ts';
import { Population, type Colluder } from './population.ts';
import type { SeenPrice } from './price-model.ts';
import { TITLE_PREFIXES, type MarketProfile } from './profile.ts';
import { between, pick, pickWeighted, logNormal, type Random } from './random.ts';

export interface MarketOptions {
  /** Stands in the ids; letters, digits, dot, dash and underscore. */
  readonly seed: string;
  /** Times that this market ran before: keeps the ids of auctions and bids apart. */
  readonly run: number;
  /** At least 20. */
  readonly users: number;
  readonly profile: MarketProfile;
  /** How many auctions and bids come. */
  readonly supply: Supply;
  /** First moment of the sequence, ms since the epoch. */
  readonly opensAt: number;
  /** When the market opened in its first run; accounts are older than this. */
  readonly since: number;
  /** A listing comes this long before its auction starts. */
  readonly announceMs: number;
  /** Share of auctions with shills, 0..1. */
  readonly shills: number;
  readonly faults: FaultShares;
  /** The public price of an auction where others bid too; undefined where none is known. */
  readonly seen?: (auctionId: string) => SeenPrice | undefined;
}

/** Fewest users that can play all roles. */
const USERS_MIN = 20;
const DEVICES = ['web', 'web', 'ios', 'android', null] as const;

/**
 * All events of a market, drawn as they are asked for; memory is that of the auctions that are open.
 * Users come first, then listings and bids in order of time.
 * @throws GavelError `OPTION_INVALID`
 */
export function simulate(options: MarketOptions, random: Random): Iterable<MarketEvent> {
  validate(options);
  const market = new Market(options, random);
  return addFaults(market.events(), options.faults, random);
}

function validate({ seed, users, shills, faults }: MarketOptions): void {
  const fail = (what: string, hint: string): never => {
    throw new GavelError('OPTION_INVALID', what, { hint });
  };
  if (!/^[\w.-]{1,32}$/.test(seed)) {
    fail(`"${seed}" cannot be a seed`, 'take up to 32 letters, digits, dots, dashes and underscores');
  }
  if (!Number.isInteger(users) || users < USERS_MIN) fail(`${users} users are no market`, `take at least ${USERS_MIN}`);
  for (const [name, share] of Object.entries({ shills, ...faults })) {
    if (!(share >= 0 && share <= 1)) fail(`the share of ${name} is ${share}`, 'take a number from 0 to 1');
  }
}

class Market {
  readonly #options: MarketOptions;
  readonly #random: Random;
  readonly #population: Population;
  readonly #agenda = new Agenda<MarketAuction>();
  /** Shills on the way to an honest auction. */
  readonly #guests: number[] = [];
  #auctions = 0;
  #bids = 0;

  constructor(options: MarketOptions, random: Random) {
    const { users, profile, seed, since } = options;
    this.#options = options;
    this.#random = random;
    const colluders = countColluders(options);
    this.#population = new Population({ users, categories: profile.categories.length, seed, since, colluders });
  }

  *events(): Generator<MarketEvent> {
    const { opensAt, announceMs, supply } = this.#options;
    for (const user of this.#population.records()) yield { type: 'user', at: opensAt, user };
    for (const arrival of arrivals(supply, this.#options, this.#random)) {
      const listedAt = Math.max(opensAt, arrival.startsAt - announceMs);
      yield* this.#bidsUntil(listedAt);
      const auction = new MarketAuction(this.#plan(arrival), this.#population, this.#random);
      yield { type: 'listing', at: listedAt, item: auction.item, shill: this.#label(auction.colluder) };
      if (auction.nextAt < Infinity) this.#agenda.add(auction);
    }
    yield* this.#bidsUntil(Infinity);
  }

  *#bidsUntil(time: number): Generator<BidEvent> {
    const agenda = this.#agenda;
    for (let auction = agenda.peek(); auction !== undefined && auction.nextAt < time; auction = agenda.peek()) {
      yield this.#nextBid(auction);
      agenda.settleFirst();
    }
  }

  #nextBid(auction: MarketAuction): BidEvent {
    const { auctionId, currency } = auction.item;
    const at = auction.nextAt;
    const { user, amount, bidType, shill } = auction.next(this.#options.seen?.(auctionId));
    const bid: BidPlaced = {
      type: 'BidPlaced',
      bidId: this.#id('b', this.#bids++),
      auctionId,
      bidderId: this.#population.id(user),
      amount,
      currency: null,
      bidType,
      placedAt: at,
      device: pick(this.#random, DEVICES),
    };
    return { type: 'bid', at, bid, currency, period: auction, shill, fault: at < auction.endsAt ? null : 'late' };
  }

  #plan(arrival: Arrival): AuctionPlan {
    const random = this.#random;
    const { profile, faults } = this.#options;
    const number = this.#auctions++;
    const colluder = arrival.shilled ? pick(random, this.#population.colluders) : null;
    const seller = colluder?.seller ?? this.#population.honestSeller(random);
    const category = profile.categories.indexOf(pickWeighted(random, profile.categories));
    const { item, value } = this.#item(number, arrival, { seller, category });
    return {
      number,
      item,
      category,
      seller,
      value,
      bids: arrival.bids,
      lateBids: binomial(random, arrival.bids, faults.late),
      colluder,
      guests: this.#meetGuests(colluder, arrival.bids),
      bidsFrom: arrival.bidsFrom,
      bidAtOnce: arrival.bidAtOnce,
    };
  }

  /** Now and then a shill bids in another auction, too. */
  #meetGuests(colluder: Colluder | null, bids: number): readonly number[] {
    if (colluder !== null) {
      if (this.#random() < 0.3) this.#guests.push(pick(this.#random, colluder.shills));
      return [];
    }
    return bids === 0 ? [] : this.#guests.splice(0, 1);
  }

  #item(
    number: number,
    { startsAt, durationMs, shilled }: Arrival,
    { seller, category }: { readonly seller: number; readonly category: number },
  ): { readonly item: Item; readonly value: number } {
    const random = this.#random;
    const { profile } = this.#options;
    const { name, medianStartPrice, sigma, things } = profile.categories[
      category
    ] as MarketProfile['categories'][number];
    const startPrice = priceTag(logNormal(random, medianStartPrice, sigma));
    const value = startPrice * (shilled ? between(random, 3, 6) : between(random, 1.5, 5));
    const item: Item = {
      type: 'Item',
      auctionId: this.#id('a', number),
      itemId: this.#id('i', number),
      sellerId: this.#population.id(seller),
      title: `${pick(random, TITLE_PREFIXES)} ${pick(random, things)}`,
      category: name,
      currency: pickWeighted(random, profile.currencies).code,
      startPrice,
      reservePrice: random() < profile.reserveShare ? priceTag(value * between(random, 0.5, 1)) : null,
      startsAt,
      endsAt: startsAt + durationMs,
      channel: profile.channel,
      softClose: random() < profile.softCloseShare,
    };
    return { item, value };
  }

  #label(colluder: Colluder | null): ShillLabel | null {
    if (colluder === null) return null;
    return { kind: colluder.kind, bidderIds: colluder.shills.map((user) => this.#population.id(user)) };
  }

  #id(kind: string, number: number): string {
    const { seed, run } = this.#options;
    return `${kind}${seed}${run === 0 ? '' : `.${run}`}-${String(number).padStart(7, '0')}`;
  }
}

/** Colluding sellers work again and again: about fifteen shilled auctions each. */
function countColluders({ users, supply, shills }: MarketOptions): number {
  const most = Math.max(1, Math.floor(users / 50));
  if (supply.kind === 'endless') return Math.max(1, Math.round(users / 100));
  return Math.min(most, Math.max(1, Math.round((supply.auctions * shills) / 15)));
}

/** Prices as sellers write them: .99 below a hundred, whole above. */
function priceTag(amount: number): number {
  return amount < 100_00 ? Math.floor(amount / 100) * 100 + 99 : Math.round(amount / 100) * 100;
}

function binomial(random: Random, trials: number, chance: number): number {
  if (chance === 0) return 0;
  let count = 0;
  for (let i = 0; i < trials; i++) if (random() < chance) count++;
  return count;
}
