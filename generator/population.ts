/** The users of a market: honest bidders with their habits, sellers, and colluding sellers with their shill accounts. */

import type { User } from 'gavel/schemas';
import { between, integerBelow, pick, seededRandom, type Random } from './random.ts';

const DAY_MS = 86_400_000;
const LOCATIONS = [
  'Berlin',
  'Chicago',
  'Dublin',
  'Leeds',
  'Lyon',
  'Madrid',
  'Oslo',
  'Porto',
  'Seattle',
  'Toronto',
] as const;
const NAMES = ['amber', 'birch', 'cedar', 'delta', 'ember', 'fjord', 'grove', 'heron', 'indigo', 'juniper'] as const;

/** How shills work together: one account that raises itself, two that alternate, a ring of several. */
export type ShillKind = 'self-raising' | 'alternating-pair' | 'ring';

const KINDS: readonly ShillKind[] = ['self-raising', 'alternating-pair', 'ring'];
const ACCOUNTS: Readonly<Record<ShillKind, readonly [least: number, most: number]>> = {
  'self-raising': [1, 1],
  'alternating-pair': [2, 2],
  ring: [3, 5],
};

/** How a bidder bids: by proxy, openly, or late. */
export type Habit = 'proxy' | 'manual' | 'sniper';

/** A seller whose auctions are pushed by accounts of its own. Users by number. */
export interface Colluder {
  readonly kind: ShillKind;
  readonly seller: number;
  readonly shills: readonly number[];
}

export interface PopulationOptions {
  readonly users: number;
  readonly categories: number;
  /** Stands in each user id, so that markets of two seeds never share one. */
  readonly seed: string;
  /** When the market first opened, ms since the epoch. */
  readonly since: number;
  /** How many sellers collude. */
  readonly colluders: number;
}

/** The same seed gives the same users in every run. Users are numbers until they are written; sellers are the first ones, then the shills, then the bidders. */
export class Population {
  readonly size: number;
  readonly colluders: readonly Colluder[];
  readonly #options: PopulationOptions;
  readonly #random: Random;
  readonly #sellers: number;
  readonly #firstBidder: number;
  /** Bits of the categories that interest a user. */
  readonly #interests: Uint8Array;
  readonly #habits: Uint8Array;
  readonly #ids: readonly string[];

  constructor(options: PopulationOptions) {
    const random = seededRandom(`${options.seed}/users`);
    this.#options = options;
    this.#random = random;
    this.size = options.users;
    this.#ids = Array.from({ length: options.users }, (_, user) => `u${options.seed}-${String(user).padStart(5, '0')}`);
    this.#sellers = Math.max(2, Math.ceil(options.users * 0.1));
    this.colluders = this.#recruit();
    this.#firstBidder = this.#sellers + this.colluders.reduce((sum, { shills }) => sum + shills.length, 0);
    this.#interests = Uint8Array.from({ length: options.users }, () => this.#drawInterests());
    this.#habits = Uint8Array.from({ length: options.users }, () => integerBelow(random, 100));
  }

  id(user: number): string {
    return this.#ids[user] as string;
  }

  /** A seller who plays fair. */
  honestSeller(random: Random): number {
    const colluders = this.colluders.length;
    return colluders + integerBelow(random, this.#sellers - colluders);
  }

  /** A bidder whom the category interests, if a few tries find one; a few users bid in most auctions, most in few. */
  honestBidder(category: number, random: Random): number {
    const bidders = this.size - this.#firstBidder;
    let user = 0;
    for (let tries = 0; tries < 5; tries++) {
      user = this.#firstBidder + Math.floor(bidders * random() ** 1.6);
      if (((this.#interests[user] as number) >> category) & 1) return user;
    }
    return user;
  }

  habitOf(user: number): Habit {
    const percent = this.#habits[user] as number;
    return percent < 35 ? 'proxy' : percent < 75 ? 'manual' : 'sniper';
  }

  /** The records of all users, in the order of their numbers; to be drawn once. */
  *records(): Generator<User> {
    for (let user = 0; user < this.size; user++) yield this.#record(user);
  }

  /** The first sellers collude, in each of the kinds in turn. */
  #recruit(): readonly Colluder[] {
    let next = this.#sellers;
    return Array.from({ length: this.#options.colluders }, (_, seller) => {
      const kind = KINDS[seller % KINDS.length] as ShillKind;
      const [least, most] = ACCOUNTS[kind];
      const accounts = least + integerBelow(this.#random, most - least + 1);
      const shills = Array.from({ length: accounts }, () => next++);
      return { kind, seller, shills };
    });
  }

  #drawInterests(): number {
    let bits = 0;
    for (let i = 0; i < 3; i++) bits |= 1 << integerBelow(this.#random, this.#options.categories);
    return bits;
  }

  /** Shills and two honest users in a hundred have young accounts. */
  #record(user: number): User {
    const random = this.#random;
    const shill = user >= this.#sellers && user < this.#firstBidder;
    const young = shill ? random() < 0.5 : random() < 0.02;
    const ageDays = young ? between(random, 0, 6) : between(random, 10, 3000);
    const username = `${pick(random, NAMES)}${user}`;
    return {
      type: 'User',
      userId: this.id(user),
      username,
      email: `${username}@example.com`,
      rating: shill ? integerBelow(random, 4) - 1 : integerBelow(random, 500),
      isVerified: !shill && random() < 0.7,
      location: pick(random, LOCATIONS),
      registeredAt: Math.floor(this.#options.since - ageDays * DAY_MS),
    };
  }
}
