/** Listings and bids for the auction platform, the same at every run: LIVE auctions that stay open, bids that mostly rise. */

import { recordProducer } from 'gavel/broker';
import type { BidPlaced, BidType, Listing, User } from 'gavel/schemas';
import type { Broker, Topic } from 'gavel/streams';
import { increment, incrementsOf } from '../topology/increments.ts';

/** Records serialized and sent at a time. */
const CHUNK = 10_000;
const START_PRICE = 1_000;
const CURRENCY = 'USD';
const INCREMENTS = incrementsOf(CURRENCY);
const CATEGORIES = ['Antiques', 'Art', 'Electronics', 'Jewelry', 'Collectibles', 'Vintage Clothing'] as const;
/** Bidders that are interested in one auction. */
const INTERESTED = 12;

/** A record to be. */
export interface Keyed<V> {
  readonly key: string;
  readonly value: V;
}

export function auctionId(number: number): string {
  return `auction-${number}`;
}

export interface ListingOptions {
  /** Numbers of the auctions: `from` up to, not including, `to`. */
  readonly from: number;
  readonly to: number;
  readonly startsAt: number;
  readonly endsAt: (number: number) => number;
}

export function* listings({ from, to, startsAt, endsAt }: ListingOptions): Generator<Keyed<Listing>> {
  for (let number = from; number < to; number++) {
    const key = auctionId(number);
    const value: Listing = {
      type: 'Listing',
      auctionId: key,
      itemId: `item-${number}`,
      sellerId: `seller-${number % 5_000}`,
      title: 'Restored mantel clock',
      category: CATEGORIES[number % CATEGORIES.length] as string,
      currency: CURRENCY,
      startPrice: START_PRICE,
      reservePrice: null,
      startsAt,
      endsAt: endsAt(number),
      channel: 'LIVE',
      softClose: false,
    };
    yield { key, value };
  }
}

export interface BidOptions {
  readonly bids: number;
  readonly auctions: number;
  readonly users: number;
  readonly placedAt: number;
}

/** About one bid in ten is too low; a few auctions get many bids. The number of a bid is the end of its id. */
export function* bidsPlaced({ bids, auctions, users, placedAt }: BidOptions): Generator<Keyed<BidPlaced>> {
  const highest = new Float64Array(auctions);
  const random = numbersFrom(42);
  for (let number = 0; number < bids; number++) {
    const auction = Math.floor(auctions * random() ** 2);
    const before = highest[auction] as number;
    const kind = random();
    const bidType: BidType = kind < 0.2 ? 'PROXY' : kind < 0.3 ? 'SNIPE' : 'MANUAL';
    const step = increment(before, INCREMENTS);
    let amount = before === 0 ? START_PRICE : before + step * (bidType === 'PROXY' ? 4 : 1);
    if (before > START_PRICE && random() < 0.1) amount = START_PRICE;
    else highest[auction] = amount;
    const key = auctionId(auction);
    const value: BidPlaced = {
      type: 'BidPlaced',
      bidId: `bid-${number}`,
      auctionId: key,
      bidderId: userId((auction * 31 + Math.floor(random() * INTERESTED) * 7) % users),
      amount,
      currency: null,
      bidType,
      placedAt,
      device: 'web',
    };
    yield { key, value };
  }
}

export function* accounts(count: number, registeredAt: number): Generator<Keyed<User>> {
  for (let number = 0; number < count; number++) {
    const key = userId(number);
    const value: User = {
      type: 'User',
      userId: key,
      username: key,
      email: null,
      rating: 10,
      isVerified: true,
      location: null,
      registeredAt,
    };
    yield { key, value };
  }
}

/** Appends records; answers when all are in the log. */
export async function sendAll<V>(broker: Broker, topic: Topic<string, V>, records: Iterable<Keyed<V>>): Promise<void> {
  const producer = recordProducer(broker);
  let chunk: Keyed<V>[] = [];
  for (const record of records) {
    chunk.push(record);
    if (chunk.length < CHUNK) continue;
    await producer.send(topic, chunk);
    chunk = [];
  }
  await producer.send(topic, chunk);
  await producer.close();
}

function userId(number: number): string {
  return `user-${number}`;
}

/** Numbers in [0, 1), the same for the same seed. */
function numbersFrom(seed: number): () => number {
  let state = seed;
  return () => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return state / 0x1_0000_0000;
  };
}
