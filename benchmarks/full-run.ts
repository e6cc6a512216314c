/** The whole auction topology over bids that are in the log before the clock starts. */

import { changelogTopicName, repartitionTopicName } from 'gavel/streams';
import type { Broker, MetricsHook } from 'gavel/streams';
import type { AuctionTopics } from '../topology/topics.ts';
import { openAuctionHouse } from './auction-house.ts';
import { accounts, bidsPlaced, listings, sendAll } from './auction-records.ts';
import { stopwatch } from './report.ts';
import type { RunResult } from './report.ts';
import { temporaryDirectory, untilCommitted } from './room.ts';
import type { Durability } from './room.ts';

export interface FullOptions {
  readonly bids: number;
  /** Open all the time. */
  readonly auctions: number;
  readonly users: number;
  readonly durability: Durability;
}

const DAY_MS = 24 * 3_600_000;

/** Until verdicts, prices, facts and profiles of all bids are committed. */
export async function runFull(options: FullOptions): Promise<RunResult> {
  const { bids, auctions, users, durability } = options;
  const now = Date.now();
  await using directory = await temporaryDirectory();
  await using house = await openAuctionHouse({ directory: directory.path, durability });
  const { broker, topics } = house;
  const processed = new Map<string, number>();
  await using app = house.engine({ metrics: countProcessed(processed) });
  await sendAll(broker, topics.users, accounts(users, now - 100 * DAY_MS));
  const open = listings({ from: 0, to: auctions, startsAt: now - DAY_MS, endsAt: () => now + 30 * DAY_MS });
  await sendAll(broker, topics.bids, open);
  await app.start();
  await untilCommitted(app, broker);

  app.pause();
  await sendAll(broker, topics.bids, bidsPlaced({ ...options, placedAt: now }));
  const before = await records(broker, topics);
  processed.clear();
  const stop = stopwatch();
  app.resume();
  await untilCommitted(app, broker);
  const { seconds, cpuSeconds, threadCpuSeconds } = stop();
  const after = await records(broker, topics);
  const prefix = `full.${durability}`;
  const figures: Record<string, number> = {
    [`${prefix}.bidsPerSecond`]: bids / seconds,
    [`${prefix}.cpuSecondsPerMillion`]: (cpuSeconds * 1e6) / bids,
    [`${prefix}.threadCpuSecondsPerMillion`]: (threadCpuSeconds * 1e6) / bids,
    [`${prefix}.longestStretchMs`]: app.status().longestStretchMs,
  };
  for (const [subtopology, count] of processed) figures[`${prefix}.processedPerBid.${subtopology}`] = count / bids;
  for (const [name, count] of after)
    figures[`${prefix}.writtenPerBid.${name}`] = (count - (before.get(name) ?? 0)) / bids;
  return { figures };
}

function countProcessed(processed: Map<string, number>): MetricsHook {
  return {
    count(name, { subtopology }, by) {
      if (name !== 'records_processed_total' || subtopology === undefined || by === 0) return;
      processed.set(subtopology, (processed.get(subtopology) ?? 0) + by);
    },
    observe() {},
    gauge() {},
  };
}

/** Records of what the judge and the bidders write, by what they are. */
async function records(broker: Broker, topics: AuctionTopics): Promise<ReadonlyMap<string, number>> {
  const written: readonly (readonly [name: string, topic: string])[] = [
    ['accepted', topics.validated.name],
    ['flagged', topics.flagged.name],
    ['rejected', topics.rejected.name],
    ['prices', topics.prices.name],
    ['facts', repartitionTopicName('gavel', 'bidder-events')],
    ['profiles', topics.bidders.name],
    ['judgeRows', changelogTopicName('gavel', 'judge')],
    ['bidderRows', changelogTopicName('gavel', 'bidders')],
  ];
  const counts = written.map(async ([name, topic]): Promise<readonly [string, number]> => {
    const partitions = [0, 1, 2].map((partition) => ({ topic, partition }));
    const ends = await broker.listOffsets(partitions, 'latest');
    return [name, ends.reduce((sum, { offset }) => sum + offset, 0)];
  });
  return new Map(await Promise.all(counts));
}
