/** The lean job twice: a bare loop over batches in memory, and the engine as a user runs it. */

import { createHash } from 'node:crypto';
import { join } from 'node:path';
import { readRecords } from 'gavel/broker';
import { levelState } from 'gavel/stores';
import { BatchReader, BatchWriter, createStreams, partitionOf } from 'gavel/streams';
import type { Broker } from 'gavel/streams';
import { bidSerde, bids, judge, leanBatches, leanTopology, validated, validatedSerde } from './lean.ts';
import type { LeanBatch, Price } from './lean.ts';
import { stopwatch } from './report.ts';
import type { RunResult } from './report.ts';
import { openBroker, temporaryDirectory, untilCommitted } from './room.ts';
import type { Durability } from './room.ts';

export interface LeanOptions {
  readonly records: number;
  readonly auctions: number;
}

type Hash = ReturnType<typeof createHash>;

/** Bytes of a batch that the loop puts out, as in the engine. */
const BATCH_BYTES = 700 * 1024;

/** Decodes, judges, keeps the state in a map, encodes: nothing else. */
export function runLeanLoop({ records, auctions }: LeanOptions): RunResult {
  const batches = inputOf(records, auctions);
  loop(batches.map((list) => list.slice(0, 1))); // compiled before it is measured
  const stop = stopwatch();
  const out = loop(batches);
  const figures = leanFigures('lean.loop', records, stop());
  const hashes = out.map((list) => {
    const hash = createHash('sha256');
    for (const { bytes } of list) {
      reader.open(bytes);
      while (reader.next()) hash.update(reader.value() as Buffer);
    }
    return hash;
  });
  return { figures, hash: digest(hashes) };
}

/** The engine on the embedded broker with LevelDB state, exactly once. The input is in the log before the clock starts. */
export async function runLeanEngine(options: LeanOptions & { readonly durability: Durability }): Promise<RunResult> {
  const { records, auctions, durability } = options;
  await using directory = await temporaryDirectory();
  await using broker = await openBroker({ directory: directory.path, durability });
  await fill(broker, inputOf(records, auctions));
  const state = levelState({ directory: join(directory.path, 'state') });
  await using app = createStreams({ applicationId: 'lean', topology: leanTopology(), broker, state });
  const stop = stopwatch();
  await app.start();
  await untilCommitted(app, broker);
  const figures = leanFigures(`lean.${durability}`, records, stop());
  const { commits, longestStretchMs } = app.status();
  const rest = { [`lean.${durability}.commits`]: commits, [`lean.${durability}.longestStretchMs`]: longestStretchMs };
  return { figures: { ...figures, ...rest }, hash: await hashOutput(broker) };
}

function inputOf(records: number, auctions: number): readonly (readonly LeanBatch[])[] {
  return leanBatches(records, auctions, (key) => partitionOf(key, bids.partitions));
}

const reader = new BatchReader();

function loop(batches: readonly (readonly LeanBatch[])[]): LeanBatch[][] {
  return batches.map((list) => {
    const out: LeanBatch[] = [];
    const state = new Map<string, Price>();
    const writer = new BatchWriter(1 << 20);
    for (const { bytes } of list) {
      reader.open(bytes);
      while (reader.next()) {
        const keyBytes = reader.key() as Buffer;
        const key = keyBytes.toString('utf8');
        const judged = judge(bidSerde.deserialize(reader.value() as Buffer), state.get(key));
        if (judged.next !== undefined) state.set(key, judged.next);
        writer.start(reader.timestamp);
        writer.keyBytes(keyBytes);
        writer.value(validatedSerde, judged.out);
        writer.end([]);
        if (writer.position > BATCH_BYTES) out.push(writer.take());
      }
    }
    if (writer.count > 0) out.push(writer.take());
    return out;
  });
}

async function fill(broker: Broker, batches: readonly (readonly LeanBatch[])[]): Promise<void> {
  await broker.createTopics([bids, validated].map(({ name, partitions, config }) => ({ name, partitions, config })));
  const producer = broker.producer();
  for (const [partition, list] of batches.entries()) {
    for (const batch of list) await producer.produce([{ topic: bids.name, partition, ...batch }]);
  }
  await producer.close();
}

async function hashOutput(broker: Broker): Promise<string> {
  const partitions = Array.from({ length: validated.partitions }, (_, partition) => partition);
  const ends = await broker.listOffsets(
    partitions.map((partition) => ({ topic: validated.name, partition })),
    'latest',
  );
  const hashes = partitions.map(() => createHash('sha256'));
  const ranges = ends.map(({ topic, partition, offset }) => ({ topic, partition, from: 0, to: offset }));
  for await (const { partition, value } of readRecords(broker, ranges))
    (hashes[partition] as Hash).update(value as Buffer);
  return digest(hashes);
}

function digest(hashes: readonly Hash[]): string {
  return hashes.map((hash) => hash.digest('hex').slice(0, 16)).join('-');
}

function leanFigures(prefix: string, records: number, measured: ReturnType<ReturnType<typeof stopwatch>>) {
  const { seconds, cpuSeconds, threadCpuSeconds } = measured;
  return {
    [`${prefix}.seconds`]: seconds,
    [`${prefix}.recordsPerSecond`]: records / seconds,
    [`${prefix}.cpuSecondsPerMillion`]: (cpuSeconds * 1e6) / records,
    [`${prefix}.threadCpuSecondsPerMillion`]: (threadCpuSeconds * 1e6) / records,
  };
}
