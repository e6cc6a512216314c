/** How long after it was due a bid's verdict can be read, read committed, at a steady rate. */

import { setTimeout as sleep } from 'node:timers/promises';
import { recordProducer } from 'gavel/broker';
import type { BidFlagged, BidPlaced, BidVerdict } from 'gavel/schemas';
import { BatchReader } from 'gavel/streams';
import type { Broker, Serde, Topic } from 'gavel/streams';
import type { LogRecord } from '../topology/topics.ts';
import { openAuctionHouse } from './auction-house.ts';
import { bidsPlaced, listings, sendAll } from './auction-records.ts';
import type { Keyed } from './auction-records.ts';
import { percentile, stopwatch } from './report.ts';
import type { RunResult } from './report.ts';
import { temporaryDirectory, untilCommitted } from './room.ts';
import type { Durability } from './room.ts';

export interface LatencyOptions {
  readonly bidsPerSecond: number;
  readonly seconds: number;
  readonly auctions: number;
  readonly users: number;
  readonly durability: Durability;
}

/** Bids that are due are sent this often. */
const TICK_MS = 1;
const WARM_UP_SECONDS = 2;
const DAY_MS = 24 * 3_600_000;

/**
 * Producer, engine and consumer share one process and one thread, as in `gavel dev`. A bid's time counts from when it was
 * due, not from when the busy loop came to send it.
 */
export async function runLatency(options: LatencyOptions): Promise<RunResult> {
  const { bidsPerSecond, seconds, auctions, durability } = options;
  const now = Date.now();
  await using directory = await temporaryDirectory();
  await using house = await openAuctionHouse({ directory: directory.path, durability });
  const { broker, topics } = house;
  await using app = house.engine();
  const open = listings({ from: 0, to: auctions, startsAt: now - DAY_MS, endsAt: () => now + 30 * DAY_MS });
  await sendAll(broker, topics.bids, open);
  await app.start();
  await untilCommitted(app, broker);

  const warmUp = Math.round(bidsPerSecond * Math.min(WARM_UP_SECONDS, seconds));
  const count = warmUp + Math.round(bidsPerSecond * seconds);
  const bids = [...bidsPlaced({ ...options, bids: count, placedAt: now })];
  const seen = new Float64Array(count);
  const reading = readVerdicts(broker, [topics.validated, topics.flagged, topics.rejected], seen);
  const stop = stopwatch();
  const due = await sendPaced(broker, topics.bids, bids, bidsPerSecond);
  await reading;
  const { seconds: took, cpuSeconds } = stop();
  const delays = seen
    .map((at, number) => at - (due[number] as number))
    .slice(warmUp)
    .sort();
  const prefix = `latency.${durability}.${bidsPerSecond}`;
  return {
    figures: {
      [`${prefix}.p50Ms`]: percentile(delays, 0.5),
      [`${prefix}.p95Ms`]: percentile(delays, 0.95),
      [`${prefix}.p99Ms`]: percentile(delays, 0.99),
      [`${prefix}.cpuShare`]: cpuSeconds / took,
    },
  };
}

interface VerdictTopic {
  readonly name: string;
  readonly partitions: number;
  readonly value: Pick<Serde<BidVerdict | BidFlagged>, 'deserialize'>;
}

/** Answers when each bid was due. */
async function sendPaced(
  broker: Broker,
  topic: Topic<string, LogRecord>,
  bids: readonly Keyed<BidPlaced>[],
  perSecond: number,
): Promise<Float64Array> {
  const producer = recordProducer(broker);
  const begin = performance.now();
  const due = Float64Array.from(bids, (_, number) => begin + (number * 1_000) / perSecond);
  let last: Promise<unknown> = Promise.resolve();
  for (let sent = 0; sent < bids.length;) {
    await sleep(TICK_MS);
    const now = performance.now();
    const first = sent;
    while (sent < bids.length && (due[sent] as number) <= now) sent++;
    if (sent === first) continue;
    last = producer.send(topic, bids.slice(first, sent));
  }
  await last;
  await producer.close();
  return due;
}

/** Notes when each verdict came, by the number of its bid; answers when all are there. */
async function readVerdicts(broker: Broker, topics: readonly VerdictTopic[], seen: Float64Array): Promise<void> {
  const all = Promise.withResolvers<void>();
  const reader = new BatchReader();
  const byName = new Map(topics.map((topic) => [topic.name, topic]));
  let left = seen.length;
  const fetcher = broker.fetcher({
    onReady() {
      const now = performance.now();
      for (const { topic, batches, from } of fetcher.poll()) {
        for (const batch of batches) {
          reader.open(batch);
          while (reader.next()) {
            if (reader.offset < from) continue;
            const verdict = byName.get(topic)?.value.deserialize(reader.value() as Buffer);
            if (verdict?.type !== 'BidVerdict') continue;
            seen[Number(verdict.bidId.slice('bid-'.length))] = now;
            if (--left === 0) all.resolve();
          }
        }
      }
    },
  });
  for (const { name, partitions } of topics) {
    for (let partition = 0; partition < partitions; partition++) fetcher.assign(name, partition, 0);
  }
  await all.promise;
  await fetcher.close();
}
