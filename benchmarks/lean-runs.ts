/** Engine overhead: the lean job on the embedded broker against a bare loop with the same judge and codecs. */

import { createHash } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { openEmbeddedBroker } from 'gavel/broker';
import { levelState } from 'gavel/stores';
import { BatchReader, BatchWriter, createStreams, partitionOf, sealBatch } from 'gavel/streams';
import type { Broker } from 'gavel/streams';
import { bidSerde, bids, judge, leanBatches, leanTopology, validated, validatedSerde } from './lean.ts';
import type { Price } from './lean.ts';

export interface EngineOptions {
  readonly records: number;
  readonly auctions: number;
  readonly durability: 'power' | 'process';
}

export interface EngineRun {
  readonly seconds: number;
  readonly cpuSeconds: number;
  readonly perSecond: number;
  /** Of the output values in order, per partition. */
  readonly hash: string;
}

/** Decodes, judges, encodes: nothing else. */
export function runBareLoop({ records, auctions }: EngineOptions): EngineRun {
  const batches = leanBatches(records, auctions, (key) => partitionOf(key, 3));
  const hashes = [0, 1, 2].map(() => createHash('sha256'));
  const out: Buffer[][] = [[], [], []];
  const cpu = process.cpuUsage();
  const begin = performance.now();
  const reader = new BatchReader();
  for (const [partition, list] of batches.entries()) {
    const state = new Map<string, Price>();
    const writer = new BatchWriter(1 << 20);
    for (const batch of list) {
      reader.open(batch);
      while (reader.next()) {
        const keyBytes = reader.key() as Buffer;
        const key = keyBytes.toString('utf8');
        const judged = judge(bidSerde.deserialize(reader.value() as Buffer), state.get(key));
        if (judged.next !== undefined) state.set(key, judged.next);
        writer.start(reader.timestamp);
        writer.keyBytes(keyBytes);
        writer.value(validatedSerde, judged.out);
        writer.end([]);
        if (writer.position > 700_000) (out[partition] as Buffer[]).push(writer.take().bytes);
      }
    }
    if (writer.count > 0) (out[partition] as Buffer[]).push(writer.take().bytes);
  }
  const seconds = (performance.now() - begin) / 1_000;
  const { user, system } = process.cpuUsage(cpu);
  for (const [partition, list] of out.entries())
    for (const batch of list) hashValues(hashes[partition] as ReturnType<typeof createHash>, batch);
  return {
    seconds,
    cpuSeconds: (user + system) / 1e6,
    perSecond: records / seconds,
    hash: hashes.map((hash) => hash.digest('hex').slice(0, 16)).join('-'),
  };
}

/** The engine as a user runs it: embedded broker, LevelDB state, exactly-once. The input is in the log before the clock starts. */
export async function runEngine({ records, auctions, durability }: EngineOptions): Promise<EngineRun> {
  const directory = await mkdtemp(join(tmpdir(), 'gavel-bench-'));
  try {
    const broker = await openEmbeddedBroker({
      directory: join(directory, 'log'),
      durability,
      owner: { command: 'bench', pid: process.pid },
    });
    await fill(broker, { records, auctions });
    const app = createStreams({
      applicationId: 'bench',
      topology: leanTopology(),
      broker,
      state: levelState({ directory: join(directory, 'state') }),
      onCommitStep: (step) => {
        if (step === 6 && finished(app.status()) >= records) done.resolve();
      },
    });
    const done = Promise.withResolvers<void>();
    const cpu = process.cpuUsage();
    const begin = performance.now();
    await app.start();
    await Promise.race([done.promise, app.finished]);
    const seconds = (performance.now() - begin) / 1_000;
    const { user, system } = process.cpuUsage(cpu);
    await app.close();
    const hash = await hashTopic(broker);
    await broker.close();
    return { seconds, cpuSeconds: (user + system) / 1e6, perSecond: records / seconds, hash };
  } finally {
    await rm(directory, { recursive: true, force: true });
  }
}

function finished(status: ReturnType<ReturnType<typeof createStreams>['status']>): number {
  return status.tasks.reduce(
    (sum, { inputs }) => sum + inputs.reduce((positions, { position }) => positions + position, 0),
    0,
  );
}

async function fill(
  broker: Broker,
  { records, auctions }: { readonly records: number; readonly auctions: number },
): Promise<void> {
  await broker.createTopics([bids, validated].map(({ name, partitions, config }) => ({ name, partitions, config })));
  const producer = broker.producer();
  const reader = new BatchReader();
  for (const [partition, list] of leanBatches(records, auctions, (key) => partitionOf(key, 3)).entries()) {
    for (const bytes of list) {
      reader.open(bytes);
      let count = 0;
      while (reader.next()) count++;
      sealBatch(bytes, {});
      await producer.produce([{ topic: bids.name, partition, bytes, count }]);
    }
  }
  await producer.close();
}

const reader = new BatchReader();

function hashValues(hash: ReturnType<typeof createHash>, batch: Buffer): void {
  reader.open(batch);
  while (reader.next()) hash.update(reader.value() as Buffer);
}

async function hashTopic(broker: Broker): Promise<string> {
  const partitions = [0, 1, 2].map((partition) => ({ topic: validated.name, partition }));
  const ends = await broker.listOffsets(partitions, 'latest');
  const hashes: string[] = [];
  for (const { topic, partition, offset } of ends) {
    const hash = createHash('sha256');
    let wake = (): void => undefined;
    const fetcher = broker.fetcher({ onReady: () => wake() });
    fetcher.assign(topic, partition, 0);
    let position = 0;
    while (position < offset) {
      const fetched = fetcher.poll();
      if (fetched.length === 0) await new Promise<void>((resolve) => (wake = resolve));
      for (const part of fetched) {
        if (part.error !== undefined) throw part.error;
        for (const batch of part.batches) hashValues(hash, batch);
        ({ position } = part);
      }
    }
    await fetcher.close();
    hashes.push(hash.digest('hex').slice(0, 16));
  }
  return hashes.join('-');
}
