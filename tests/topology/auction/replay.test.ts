/** A replay decides the same: verdicts, prices, closings and settlements are a function of one log, whatever its other sources did. */

import { afterEach, expect, test } from 'vitest';
import { avroSerdes, memoryRegistry } from 'gavel/schemas';
import { shadowOf, shadowTopicName, type Topic } from 'gavel/streams';
import { createTestDriver, type OutputRecord } from 'gavel/testing';
import { auctionTopology } from '../../../topology/index.ts';
import { auctionTopics } from '../../../topology/topics.ts';
import { AuctionHouse, HOUR, MINUTE } from './auction-house.ts';

const SHADOW = 'shadow-1';
const closing: (() => Promise<void>)[] = [];

afterEach(async () => {
  for (const close of closing.splice(0).reverse()) await close();
});

/** The auction house and, on the same broker, what its shadow will be. */
async function openHouse() {
  const serdes = avroSerdes(memoryRegistry());
  const topics = auctionTopics(serdes);
  const topology = auctionTopology({ topics, serdes });
  await serdes.prepare();
  const driver = await createTestDriver({ topology });
  closing.push(() => driver.close());
  const replay = async () => {
    const shadow = await createTestDriver({
      topology: shadowOf(topology, SHADOW),
      applicationId: `test.${SHADOW}`,
      broker: driver.broker,
      clock: driver.clock,
      options: { clockRecords: false },
    });
    closing.push(() => shadow.close());
    await shadow.settle();
    return shadow;
  };
  return { house: new AuctionHouse(driver, topics), topics, replay };
}

function decisions(records: readonly OutputRecord<unknown, unknown>[]): unknown[] {
  // What was paid depends on the order of two topics; what the judge decided does not.
  const isJudges = (value: unknown): boolean =>
    (value as { readonly input?: { readonly topic: string } }).input?.topic !== 'auction.pos';
  return records
    .filter(({ value }) => isJudges(value))
    .map(({ key, value, timestamp, partition }) => ({ key, value, timestamp, partition }));
}

test('also where the listings came two seconds late in the first run', async () => {
  const { house, topics, replay } = await openHouse();
  const { driver } = house;
  const late = Promise.withResolvers<undefined>();
  const release = driver.broker.control.intercept((call) =>
    call.operation === 'fetch' && call.topic === topics.items.name ? late.promise : undefined,
  );
  const listed = ['a', 'b', 'c', 'd'].map((auctionId) => ({
    auctionId,
    endsAt: house.now + (auctionId === 'd' ? HOUR : 2 * MINUTE),
    startsAt: house.now,
  }));
  const waiting = Promise.all(listed.map((item) => house.list(item)));
  for (let i = 0; i < 8; i++)
    await house.append(house.bidPlaced(`early-${i}`, 'PROXY', { amount: 2_000 + i, auctionId: 'a' }));
  driver.clock.moveTo(house.now + 2_000);
  release();
  late.resolve(undefined);
  await waiting;
  for (let i = 0; i < 40; i++) {
    const auctionId = 'abcd'.charAt(i % 4);
    await house.bid(`bidder-${i % 7}`, i % 3 === 0 ? 'PROXY' : 'MANUAL', 1_000 + i * 150, { auctionId });
    await driver.advance(i % 5 === 0 ? 1_000 : 50);
  }
  await driver.advance(3 * MINUTE);

  const partitions = [0, 1, 2].map((partition) => ({ topic: topics.bids.name, partition }));
  const before = await driver.broker.listOffsets(partitions, 'latest');
  const shadow = await replay();
  expect(await driver.broker.listOffsets(partitions, 'latest')).toEqual(before);

  for (const name of ['validated', 'flagged', 'rejected', 'prices', 'transactions'] as const) {
    const topic: Topic<string, unknown> = topics[name];
    const first = decisions(await shadow.read(topic));
    const again = decisions(await shadow.read({ ...topic, name: shadowTopicName(topic.name, SHADOW) }));
    expect(first.length, name).toBeGreaterThan(name === 'flagged' ? -1 : 0);
    expect(again, name).toEqual(first);
  }
  const rejected = await driver.read(topics.rejected);
  expect(rejected.filter(({ value }) => value?.reason === 'UNKNOWN_AUCTION').length).toBeGreaterThan(0);
});
