/** A million open auctions: what memory they take, how late they close, and what happens when all the rest end at one moment. */

import { monitorEventLoopDelay } from 'node:perf_hooks';
import { setTimeout as sleep } from 'node:timers/promises';
import { BatchReader, systemClock } from 'gavel/streams';
import type { Broker, Clock, StreamsApp } from 'gavel/streams';
import type { AuctionTopics } from '../topology/topics.ts';
import { openAuctionHouse } from './auction-house.ts';
import { listings, sendAll } from './auction-records.ts';
import { runInChild } from './child.ts';
import { percentile, stopwatch } from './report.ts';
import type { Figures, RunResult } from './report.ts';
import { temporaryDirectory, untilCommitted } from './room.ts';

export interface OpenAuctionsOptions {
  /** All LIVE and open at the start. */
  readonly auctions: number;
  /** So many of them end one by one, the others together after that. */
  readonly staggered: number;
  readonly closingsPerSecond: number;
}

export interface ClosingsOptions extends OpenAuctionsOptions {
  /** Where `runOpenAuctions` left the auctions. */
  readonly directory: string;
  /** When the first ends, ms since the epoch. */
  readonly endsFrom: number;
}

const DAY_MS = 24 * 3_600_000;
/** The clock of the second process begins so long before the first closing: it opens its state meanwhile. */
const LEAD_MS = 5_000;
/** Between the last of the single closings and the end of all others. */
const GAP_MS = 2_000;
const POLL_MS = 10;

/** Lists the auctions, then closes them in a process of its own, whose memory holds nothing of the listing. */
export async function runOpenAuctions(options: OpenAuctionsOptions): Promise<RunResult> {
  const { auctions } = options;
  const now = Date.now();
  const endsFrom = now + DAY_MS;
  await using directory = await temporaryDirectory();
  const loaded: Record<string, number> = {};
  {
    await using house = await openAuctionHouse({ directory: directory.path, durability: 'process' });
    const endsAt = (number: number): number => endOf(number, { ...options, endsFrom });
    await sendAll(house.broker, house.topics.bids, listings({ from: 0, to: auctions, startsAt: now - DAY_MS, endsAt }));
    await using app = house.engine();
    const stop = stopwatch();
    await app.start();
    await untilCommitted(app, house.broker);
    loaded['openAuctions.listingsPerSecond'] = auctions / stop().seconds;
  }
  const { figures } = await runInChild('closings', { ...options, directory: directory.path, endsFrom });
  return { figures: { ...loaded, ...figures } };
}

/** With the clock set to shortly before the first end. */
export async function runClosings(options: ClosingsOptions): Promise<RunResult> {
  const { auctions, staggered, directory, endsFrom } = options;
  const clock = clockFrom(endsFrom - LEAD_MS);
  await using house = await openAuctionHouse({ directory, durability: 'process', clock });
  const { broker, topics } = house;
  await using app = house.engine();
  await app.start();
  const listed = await ends(broker, topics);
  const single = await watchClosings(broker, topics, clock, staggered);
  const rss = process.resourceUsage().maxRSS;
  await sleep(Math.max(0, endOf(auctions, options) - clock.now()));
  const together = await drain(app, broker, { topics, until: listed + auctions, count: auctions - staggered });
  return {
    figures: {
      'openAuctions.rssMiB': rss / 1_024,
      ...single,
      ...together,
      'drain.rssMiB': process.resourceUsage().maxRSS / 1_024,
    },
  };
}

function endOf(number: number, { staggered, closingsPerSecond, endsFrom }: Omit<ClosingsOptions, 'directory'>): number {
  const after = (Math.min(number, staggered) * 1_000) / closingsPerSecond;
  return Math.floor(endsFrom + after) + (number < staggered ? 0 : GAP_MS);
}

/** The system's clock, set to `start` now. */
function clockFrom(start: number): Clock {
  const shift = start - systemClock.now();
  return { ...systemClock, now: () => systemClock.now() + shift };
}

/** How long after its end each auction's last price can be read, read committed. */
async function watchClosings(broker: Broker, topics: AuctionTopics, clock: Clock, count: number): Promise<Figures> {
  const delays = new Float64Array(count);
  const all = Promise.withResolvers<void>();
  const reader = new BatchReader();
  let seen = 0;
  const fetcher = broker.fetcher({
    onReady() {
      const now = clock.now();
      for (const { batches, from } of fetcher.poll()) {
        for (const batch of batches) {
          reader.open(batch);
          while (reader.next()) {
            if (reader.offset < from) continue;
            const price = topics.prices.value.deserialize(reader.value() as Buffer);
            delays[seen++] = now - price.endsAt;
            if (seen === count) all.resolve();
          }
        }
      }
    },
  });
  const partitions = Array.from({ length: topics.prices.partitions }, (_, partition) => ({
    topic: topics.prices.name,
    partition,
  }));
  for (const { topic, partition, offset } of await broker.listOffsets(partitions, 'latest')) {
    fetcher.assign(topic, partition, offset);
  }
  await all.promise;
  await fetcher.close();
  delays.sort();
  return {
    'closing.p50Ms': percentile(delays, 0.5),
    'closing.p99Ms': percentile(delays, 0.99),
    'closing.maxMs': percentile(delays, 1),
  };
}

interface Drain {
  readonly topics: AuctionTopics;
  /** End of the prices when all is done. */
  readonly until: number;
  readonly count: number;
}

async function drain(app: StreamsApp, broker: Broker, { topics, until, count }: Drain): Promise<Figures> {
  const { generation } = await broker.groups.describe('gavel');
  const delay = monitorEventLoopDelay({ resolution: 5 });
  delay.enable();
  const stop = stopwatch();
  while ((await ends(broker, topics)) < until) await Promise.race([sleep(POLL_MS), app.finished]);
  const { seconds, cpuSeconds } = stop();
  delay.disable();
  const after = await broker.groups.describe('gavel');
  const kept = after.generation === generation && after.members.length === 1 && app.state === 'running';
  return {
    'drain.closingsPerSecond': count / seconds,
    'drain.cpuSecondsPerMillion': (cpuSeconds * 1e6) / count,
    'drain.longestBlockMs': delay.max / 1e6,
    'drain.heartbeatsKept': kept ? 1 : 0,
  };
}

/** Price records ever written. */
async function ends(broker: Broker, { prices }: AuctionTopics): Promise<number> {
  const partitions = Array.from({ length: prices.partitions }, (_, partition) => ({ topic: prices.name, partition }));
  return (await broker.listOffsets(partitions, 'latest')).reduce((sum, { offset }) => sum + offset, 0);
}
