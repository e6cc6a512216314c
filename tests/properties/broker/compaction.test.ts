/** Compaction keeps exactly the latest record of each key, where it stood; a tombstone as long as it was promised. */

import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import type { EmbeddedBroker, RawRecord } from '../../../broker/index.ts';
import { openEmbeddedBroker, readRecords } from '../../../broker/index.ts';
import { BatchWriter } from '../../../streams/record-batch/index.ts';
import { topic } from '../../contract/broker-support.ts';

interface Entry {
  readonly key: number;
  /** Bytes of the value, null = a tombstone. */
  readonly size: number | null;
  readonly timestamp: number;
}

const entry = fc.record<Entry>({
  key: fc.integer({ min: 0, max: 8 }),
  size: fc.option(fc.integer({ min: 0, max: 300 }), { freq: 4 }),
  timestamp: fc.integer({ min: 0, max: 1_000_000 }),
});
const step = fc.oneof(
  { weight: 6, arbitrary: fc.array(entry, { minLength: 1, maxLength: 30 }) },
  { weight: 2, arbitrary: fc.constant('clean' as const) },
  { weight: 1, arbitrary: fc.constant('reopen' as const) },
  { weight: 1, arbitrary: fc.constant('later' as const) },
);

const DELETE_RETENTION_MS = 1_000;
const CHANGES = topic('changes', 1, { cleanup: 'compact', deleteRetentionMs: DELETE_RETENTION_MS });

/** A record as it must be found again. */
interface Expected extends Entry {
  readonly offset: number;
}

class Subject {
  now = 5_000_000;
  readonly #directory: string;
  readonly #options: { readonly compactionKeysMax: number; readonly tailCacheBytes: number };
  broker!: EmbeddedBroker;

  constructor(directory: string, options: { readonly compactionKeysMax: number; readonly tailCacheBytes: number }) {
    this.#directory = directory;
    this.#options = options;
  }

  async open(): Promise<void> {
    this.broker = await openEmbeddedBroker({
      directory: this.#directory,
      owner: { command: 'vitest', pid: process.pid },
      durability: 'process',
      clock: { now: () => this.now, setTimer: () => ({ cancel() {} }) },
      indexFlushBytes: 0,
      compactAfterBytes: 500,
      ...this.#options,
    });
    await this.broker.createTopics([CHANGES]);
  }

  async append(entries: readonly Entry[]): Promise<void> {
    const writer = new BatchWriter();
    for (const { key, size, timestamp } of entries) {
      writer.start(timestamp);
      writer.keyBytes(Buffer.from([key, 200 + key]));
      writer.valueBytes(size === null ? null : Buffer.alloc(size, key));
      writer.end([{ key: 'h', value: Buffer.from([key]) }]);
    }
    await this.broker.producer().produce([{ topic: 'changes', partition: 0, ...writer.take() }]);
  }

  async read(from: number): Promise<Expected[]> {
    const [end] = await this.broker.listOffsets([{ topic: 'changes', partition: 0 }], 'latest');
    const found: Expected[] = [];
    const range = { topic: 'changes', partition: 0, from, to: end?.offset ?? 0 };
    for await (const record of readRecords(this.broker, [range])) found.push(expected(record));
    return found;
  }
}

function expected({ offset, timestamp, key, value, headers }: RawRecord): Expected {
  const first = key?.[0] as number;
  expect(key).toEqual(Buffer.from([first, 200 + first]));
  expect(headers).toEqual([{ key: 'h', value: Buffer.from([first]) }]);
  if (value !== null) expect(value.every((byte) => byte === first)).toBe(true);
  return { offset, timestamp, key: first, size: value === null ? null : value.length };
}

test('compaction keeps the latest of each key, at its offset, through restarts', async () => {
  let runs = 0;
  await fc.assert(
    fc.asyncProperty(
      fc.array(step, { maxLength: 25 }),
      fc.constantFrom(1, 3, 1_000),
      fc.constantFrom(0, 100_000),
      async (steps, compactionKeysMax, tailCacheBytes) => {
        const directory = await mkdtemp(join(tmpdir(), 'gavel-compaction-'));
        const subject = new Subject(directory, { compactionKeysMax, tailCacheBytes });
        await subject.open();
        try {
          await run(subject, steps);
          runs++;
        } finally {
          await subject.broker.close();
          await rm(directory, { recursive: true });
        }
      },
    ),
    { numRuns: 100 },
  );
  expect(runs).toBe(100);
});

async function run(
  subject: Subject,
  steps: readonly (readonly Entry[] | 'clean' | 'reopen' | 'later')[],
): Promise<void> {
  const all: Expected[] = [];
  for (const next of steps) {
    if (next === 'later') {
      subject.now += DELETE_RETENTION_MS;
    } else if (next === 'reopen') {
      await subject.broker.close();
      await subject.open();
    } else if (next === 'clean') {
      await subject.broker.clean();
    } else {
      for (const one of next) all.push({ ...one, offset: all.length });
      await subject.append(next);
    }
    checkSubset(await subject.read(0), all);
  }
  await subject.broker.clean();
  await subject.broker.close(); // so that nothing comes from the tail in memory
  await subject.open();
  const latest = latestOf(all);
  const values = latest.filter(({ size }) => size !== null);
  const found = await subject.read(0);
  expect(found.filter(({ size }) => size !== null)).toEqual(values);
  for (const tombstone of found.filter(({ size }) => size === null)) expect(latest).toContainEqual(tombstone);
  const middle = Math.floor(all.length / 2);
  expect(await subject.read(middle)).toEqual(found.filter(({ offset }) => offset >= middle));

  subject.now += DELETE_RETENTION_MS;
  all.push({ key: 9, size: 1, timestamp: 0, offset: all.length });
  await subject.append(all.slice(-1));
  await subject.broker.clean();
  await subject.broker.close();
  await subject.open();
  expect(await subject.read(0)).toEqual([...values, ...all.slice(-1)]);
}

/** Whatever is compacted already: nothing that is the latest of its key and no tombstone is lost, nothing is made up. */
function checkSubset(found: readonly Expected[], all: readonly Expected[]): void {
  for (const record of found) expect(record).toEqual(all[record.offset]);
  const offsets = new Set(found.map(({ offset }) => offset));
  expect(offsets.size).toBe(found.length);
  for (const { offset, size } of latestOf(all)) expect(size === null || offsets.has(offset)).toBe(true);
}

function latestOf(all: readonly Expected[]): Expected[] {
  const latest = new Map(all.map((record) => [record.key, record]));
  return [...latest.values()].sort((a, b) => a.offset - b.offset);
}
