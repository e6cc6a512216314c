/** The auction topology on the test driver, with short words for what people do in it. */

import { createTestDriver, type OutputRecord, type TestDriver, type TestDriverOptions } from 'gavel/testing';
import {
  avroSerdes,
  memoryRegistry,
  type BidPlaced,
  type BidType,
  type CloseReason,
  type Item,
  type Money,
  type PosSale,
  type SettleDecision,
  type User,
} from 'gavel/schemas';
import { auctionTopology, type AuctionOptions } from '../../../topology/index.ts';
import { auctionTopics, type AuctionTopics, type LogRecord } from '../../../topology/topics.ts';

export const MINUTE = 60_000;
export const HOUR = 60 * MINUTE;
export const DAY = 24 * HOUR;

export interface AuctionHouseOptions
  extends Partial<Omit<AuctionOptions, 'topics' | 'serdes'>>, Omit<TestDriverOptions, 'topology'> {}

/** Opens the platform. Close `driver` at the end (`await using`). */
export async function openAuctionHouse(options: AuctionHouseOptions = {}): Promise<AuctionHouse> {
  const serdes = avroSerdes(memoryRegistry());
  const topics = auctionTopics(serdes);
  const topology = auctionTopology({ topics, serdes, ...options });
  await serdes.prepare();
  return new AuctionHouse(await createTestDriver({ ...options, topology }), topics);
}

export interface BidOptions extends Partial<Omit<BidPlaced, 'type' | 'amount'>> {
  readonly amount: Money;
}

export class AuctionHouse implements AsyncDisposable {
  readonly driver: TestDriver;
  readonly topics: AuctionTopics;
  #bids = 0;

  constructor(driver: TestDriver, topics: AuctionTopics) {
    this.driver = driver;
    this.topics = topics;
  }

  get now(): number {
    return this.driver.clock.now();
  }

  /** Lists auction `a`: LIVE, from now on for one hour, start price 10.00, unless told otherwise. */
  async list(item: Partial<Item> = {}): Promise<Item> {
    const listed: Item = {
      type: 'Item',
      auctionId: 'a',
      itemId: 'item',
      sellerId: 'seller',
      title: 'A clock',
      category: 'Antiques',
      currency: 'USD',
      startPrice: 1_000,
      reservePrice: null,
      startsAt: this.now,
      endsAt: this.now + HOUR,
      channel: 'LIVE',
      softClose: false,
      ...item,
    };
    await this.driver.pipe(this.topics.items, [{ key: listed.auctionId, value: listed }]);
    return listed;
  }

  bidPlaced(bidderId: string, bidType: BidType, bid: BidOptions): BidPlaced {
    return {
      type: 'BidPlaced',
      bidId: `bid-${this.#bids++}`,
      auctionId: 'a',
      bidderId,
      bidType,
      currency: null,
      placedAt: this.now,
      device: null,
      ...bid,
    };
  }

  async bid(bidderId: string, bidType: BidType, amount: number, more: Partial<BidOptions> = {}): Promise<void> {
    await this.append(this.bidPlaced(bidderId, bidType, { amount, ...more }));
  }

  /** Appends records to the log that decides, in one batch. */
  async append(...records: LogRecord[]): Promise<void> {
    await this.driver.pipe(
      this.topics.bids,
      records.map((value) => ({ key: value.auctionId, value })),
    );
  }

  async close(reason: CloseReason, auctionId = 'a'): Promise<void> {
    await this.append({ type: 'CloseAuction', auctionId, reason, requestedBy: null });
  }

  async decide(decision: SettleDecision, auctionId = 'a'): Promise<void> {
    await this.append({ type: 'SettleHold', auctionId, decision, requestedBy: 'admin' });
  }

  async register(user: Partial<User> & { readonly userId: string }): Promise<void> {
    const value: User = {
      type: 'User',
      username: user.userId,
      email: null,
      rating: 10,
      isVerified: true,
      location: null,
      registeredAt: 0,
      ...user,
    };
    await this.driver.pipe(this.topics.users, [{ key: user.userId, value }]);
  }

  async sell(sale: Partial<PosSale> = {}): Promise<void> {
    const value: PosSale = {
      type: 'PosSale',
      saleId: 'sale',
      auctionId: 'a',
      amount: 2_000,
      currency: 'USD',
      method: 'card',
      paidAt: this.now,
      shippedAt: null,
      ...sale,
    };
    await this.driver.pipe(this.topics.pos, [{ key: value.auctionId, value }]);
  }

  /** New values of an output topic. */
  async read<Name extends keyof AuctionTopics>(name: Name): Promise<Values<AuctionTopics[Name]>[]> {
    const records = (await this.driver.read<string, unknown>(this.topics[name])) as OutputRecord<
      string,
      Values<AuctionTopics[Name]>
    >[];
    return records.flatMap(({ value }) => (value === null ? [] : [value]));
  }

  /** New verdicts in the order of their inputs. */
  async verdicts() {
    const read = [...(await this.read('validated')), ...(await this.read('flagged')), ...(await this.read('rejected'))];
    const verdicts = read.flatMap((record) => (record.type === 'BidVerdict' ? [record] : []));
    return verdicts.sort((a, b) => a.input.partition - b.input.partition || a.input.offset - b.input.offset);
  }

  /** Reason and message of the new dead letters of a topic. */
  async deadLetters(name: keyof AuctionTopics): Promise<string[]> {
    const letters = await this.driver.readDeadLetters(this.topics[name]);
    return letters.map(({ headers }) => {
      const text = (key: string) => headers.find((header) => header.key === key)?.value?.toString() ?? '';
      return `${text('gavel-error-reason')}: ${text('gavel-error-message')}`;
    });
  }

  /** The reasons of the new dead letters of a topic, sorted. */
  async deadLetterReasons(name: keyof AuctionTopics): Promise<string[]> {
    return (await this.deadLetters(name)).map((letter) => letter.slice(0, letter.indexOf(':'))).sort();
  }

  /** A row of a store, as committed. */
  async row<V>(store: string, key: string): Promise<V | undefined> {
    return (await this.driver.store<string, V>(store).get(key)).value;
  }

  /** Keys of a store, as committed. */
  async keys(store: string): Promise<string[]> {
    const keys: string[] = [];
    for await (const { key } of this.driver.store<string, unknown>(store).scan()) keys.push(key.replace('\0', '/'));
    return keys;
  }

  /** Days pass while nobody runs the platform; it finds what became due. */
  async sleep(ms: number): Promise<void> {
    await this.driver.stop(0);
    this.driver.clock.moveTo(this.now + ms);
    await this.driver.start(0);
    await this.driver.advance(1_000);
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.driver.close();
  }
}

type Values<T> = T extends { readonly value: { deserialize(bytes: Buffer): infer V } } ? V : never;
