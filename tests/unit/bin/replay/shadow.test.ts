import { existsSync } from 'node:fs';

import { memoryBroker, readRecords, recordProducer } from 'gavel/broker';
import type { BidPlaced, BidVerdict, Item } from 'gavel/schemas';
import { avroSerdes, memoryRegistry } from 'gavel/schemas';
import { memoryState } from 'gavel/stores';
import { createStreams } from 'gavel/streams';
import { beforeEach, expect, test } from 'vitest';

import { dataDirectory } from '../../../../bin/data-directory.ts';
import { decode } from '../../../../bin/decode.ts';
import type { Platform } from '../../../../bin/platform.ts';
import { APPLICATION_ID } from '../../../../bin/platform.ts';
import { untilQuiet } from '../../../../bin/quiet.ts';
import type { ReplayOptions } from '../../../../bin/replay/shadow.ts';
import { replay } from '../../../../bin/replay/shadow.ts';
import { mergeWeights } from '../../../../bin/replay/weights-file.ts';
import { auctionTopology } from '../../../../topology/index.ts';
import { auctionTopics } from '../../../../topology/topics.ts';
import { temporaryFolder } from '../../../support/run-gavel.ts';

const DAY = 86_400_000;
const BIDS = 60;
const never = new AbortController().signal;

let platform: Platform;
let folder: Awaited<ReturnType<typeof temporaryFolder>>;

/** A platform in memory on which 20 auctions were judged, three bids each. */
beforeEach(async () => {
  folder = await temporaryFolder();
  const registry = memoryRegistry();
  const serdes = avroSerdes(registry);
  const topics = auctionTopics(serdes);
  const topology = auctionTopology({ topics, serdes });
  const broker = memoryBroker();
  await serdes.prepare();
  platform = {
    broker,
    registry,
    registryUrl: '',
    serdes,
    topics,
    topology,
    owner: undefined,
    directory: dataDirectory(folder.path),
    [Symbol.asyncDispose]: () => broker.close(),
  };
  await using app = createStreams({ applicationId: APPLICATION_ID, topology, broker, state: memoryState() });
  await app.start();
  const producer = recordProducer(broker);
  const ids = Array.from({ length: BIDS / 3 }, (_, i) => `a${i}`);
  await producer.send(
    topics.items,
    ids.map((auctionId) => ({ key: auctionId, value: listing(auctionId) })),
  );
  await untilQuiet(platform, never);
  const bids = [1000, 5000, 2000].flatMap((amount, i) => ids.map((auctionId) => bid(auctionId, `u${i}`, amount)));
  await producer.send(
    topics.bids,
    bids.map((value) => ({ key: value.auctionId, value })),
  );
  await untilQuiet(platform, never);
  return async () => {
    await broker.close();
    await folder[Symbol.asyncDispose]();
  };
});

function listing(auctionId: string): Item {
  return {
    type: 'Item',
    auctionId,
    itemId: `i-${auctionId}`,
    sellerId: 's1',
    title: 'A clock',
    category: 'Antiques',
    currency: 'USD',
    startPrice: 1000,
    reservePrice: null,
    startsAt: Date.now() - DAY,
    endsAt: Date.now() + DAY,
    channel: 'LIVE',
    softClose: false,
  };
}

function bid(auctionId: string, bidderId: string, amount: number): BidPlaced {
  const bidId = `${auctionId}-${bidderId}`;
  return {
    type: 'BidPlaced',
    bidId,
    auctionId,
    bidderId,
    amount,
    currency: null,
    bidType: 'PROXY',
    placedAt: Date.now(),
    device: null,
  };
}

function run(given: Partial<ReplayOptions> = {}) {
  return replay({
    platform,
    from: 'earliest',
    weights: undefined,
    keep: false,
    signal: never,
    onProgress: () => undefined,
    ...given,
  });
}

const topicNames = async () => (await platform.broker.describeTopics()).map(({ name }) => name);

test('decides the same again, and leaves nothing behind', async () => {
  const before = await topicNames();
  expect(await run()).toMatchObject({
    verdicts: BIDS,
    missing: 0,
    extra: 0,
    differing: 0,
    unverifiable: 0,
    differences: [],
  });
  expect(await topicNames()).toEqual(before);
  expect(await platform.broker.groups.list()).not.toContain(`${APPLICATION_ID}.shadow-1`);
  expect(existsSync(platform.directory.state(`${APPLICATION_ID}.shadow-1`))).toBe(false);
});

test('keeps the shadow where that is asked for; the next one takes another name', async () => {
  expect((await run({ keep: true })).shadow).toBe('shadow-1');
  expect(await topicNames()).toContain('auction.bids.validated.shadow-1');
  expect((await run()).shadow).toBe('shadow-2');
  expect(await topicNames()).toContain('auction.bids.validated.shadow-1');
});

test('other weights decide otherwise, and both answers are told', async () => {
  const result = await run({ weights: mergeWeights({ version: 2 }) });
  expect(result.differing).toBeGreaterThanOrEqual(BIDS);
  expect(result).toMatchObject({ missing: 0, extra: 0 });
  expect(result.differences[0]?.original).toContain('"weightsVersion":1');
  expect(result.differences[0]?.shadow).toContain('"weightsVersion":2');
});

test('an offset limits what is compared, not what the shadow knows', async () => {
  const result = await run({ from: '15' });
  expect(result.verdicts).toBeLessThan(BIDS);
  expect(result.verdicts).toBeGreaterThan(0);
  expect(result).toMatchObject({ missing: 0, extra: 0, differing: 0 });
});

test('finds a verdict that was given twice', async () => {
  const { broker, topics } = platform;
  const [first] = await verdictsOf();
  await recordProducer(broker).send(topics.validated, [{ key: first?.auctionId ?? '', value: first as BidVerdict }]);
  expect(await run()).toMatchObject({ missing: 1, extra: 0, differing: 0 });
});

test('what was listed before the log begins cannot be verified, all else can', async () => {
  const { broker, topics } = platform;
  await broker.deleteRecords([{ topic: topics.bids.name, partition: 0, offset: 3 }]);
  const result = await run();
  expect(result).toMatchObject({ missing: 0, extra: 0, differing: 0 });
  expect(result.unverifiable).toBeGreaterThan(0);
  expect(result.verdicts).toBeGreaterThan(0);
  expect(result.verdicts).toBeLessThan(BIDS);
});

async function verdictsOf(): Promise<readonly BidVerdict[]> {
  const { broker, topics } = platform;
  const all = Array.from({ length: topics.validated.partitions }, (_, partition) => ({
    topic: topics.validated.name,
    partition,
  }));
  const ends = await broker.listOffsets(all, 'latest');
  const verdicts: BidVerdict[] = [];
  const ranges = ends.map(({ topic, partition, offset: to }) => ({ topic, partition, from: 0, to }));
  for await (const { value } of readRecords(broker, ranges)) {
    if (value !== null) verdicts.push(await decode(topics.validated.value, value));
  }
  return verdicts;
}
