/** The state of a task on disk: iterators are closed, and what a changelog restores is the same bytes, also after compaction (semantics 18, 26). */

import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { jsonSerde, keyValueStore, port, processor, sink, source, stringSerde, topology } from 'gavel/streams';
import type { StateBackend, Topology } from 'gavel/streams';
import { levelState, memoryState } from 'gavel/stores';
import { createTestDriver } from 'gavel/testing';
import { input, output, rows, stepTopology, values } from './support.ts';

/** A backend that counts the iterators that are open. */
function countingState(): StateBackend & { openIterators: number; everOpened: number } {
  const inner = memoryState();
  const backend = {
    openIterators: 0,
    everOpened: 0,
    async open(task: string) {
      const storage = await inner.open(task);
      return {
        get: (key: Buffer) => storage.get(key),
        batch: () => storage.batch(),
        size: () => storage.size(),
        close: () => storage.close(),
        iterate: (range: Parameters<typeof storage.iterate>[0]) => {
          const iterator = storage.iterate(range);
          backend.openIterators++;
          backend.everOpened++;
          let closed = false;
          return {
            next: (limit: number) => iterator.next(limit),
            close: async () => {
              if (!closed) backend.openIterators--;
              closed = true;
              await iterator.close();
            },
          };
        },
      };
    },
    destroy: (task: string) => inner.destroy(task),
    list: () => inner.list(),
  };
  return backend;
}

test('iterators are closed after scans that finish, break and throw', async () => {
  const state = countingState();
  await using driver = await createTestDriver({
    topology: stepTopology((context) => ({
      async process({ key, value }) {
        context.stores.rows.put(key, value);
        for await (const entry of context.stores.rows.scan()) {
          if (value === 'break') break;
          if (value === 'throw') throw new Error('thrown in a scan');
          context.forward('out', entry.key, entry.value);
        }
      },
    })),
    state: () => state,
    options: { handlers: { processing: () => 'skip' } },
  });
  await driver.pipe(input, [
    { key: 'a', value: 'finish' },
    { key: 'b', value: 'break' },
    { key: 'c', value: 'throw' },
    { key: 'd', value: 'finish' },
  ]);
  expect(values(await driver.read(output))).toEqual(['finish', 'finish', 'break', 'finish']);
  for await (const _ of driver.store('rows').scan()) break;
  expect(state.everOpened).toBeGreaterThan(5);
  expect(state.openIterators).toBe(0);
});

interface Row {
  readonly n: number;
  readonly due?: number;
}

const indexed = keyValueStore<string, Row>({
  name: 'indexed',
  key: stringSerde,
  value: jsonSerde<Row>(),
  indexes: { due: (_, { due }) => due, n: (_, { n }) => n },
  cacheEntries: 10,
});

/** Rows with two indexes, of which some are deleted again, and a second store beside. */
function indexing(): Topology {
  const step = processor({
    name: 'step',
    from: [source({ name: 'in', topic: input }).out],
    ports: { out: port<string, string>() },
    stores: { indexed, rows },
    create: (context) => ({
      process({ key, value }) {
        const n = (context.stores.indexed.get(key)?.n ?? 0) + 1;
        if (value === 'delete') context.stores.indexed.delete(key);
        else context.stores.indexed.put(key, value === '' ? { n } : { n, due: Number(value) });
        context.stores.rows.put(`${key}:${n % 3}`, value);
        context.wakeAt(1_000_000 + n);
      },
    }),
  });
  return topology({ step: [sink({ name: 'out', from: [step.out.out], topic: output })] });
}

/** Everything that a task stored but its position. */
async function bytesOf(backend: StateBackend): Promise<string[]> {
  const storage = await backend.open('step-0');
  const iterator = storage.iterate({ gte: Buffer.from([1]), lt: Buffer.from([0xff]) });
  const all: string[] = [];
  for (;;) {
    const entries = await iterator.next(500);
    if (entries.length === 0) break;
    for (const [key, value] of entries) all.push(`${key.toString('hex')}=${value.toString('hex')}`);
  }
  await iterator.close();
  await storage.close();
  return all;
}

test.each(['memory', 'LevelDB'])(
  'restored state is the same bytes as the live one, rows and indexes (%s)',
  async (kind) => {
    const root = await mkdtemp(join(tmpdir(), 'gavel-restore-'));
    try {
      const backends = Array.from({ length: 4 }, (_, i) =>
        kind === 'memory' ? memoryState() : levelState({ directory: join(root, String(i)) }),
      );
      const driver = await createTestDriver({ topology: indexing(), state: (i) => backends[i] as StateBackend });
      const given = Array.from({ length: 900 }, (_, i) => ({
        key: `k${(i * 7) % 97}`,
        value: i % 5 === 0 ? 'delete' : i % 3 === 0 ? '' : String((i * 31) % 200),
      }));
      for (let at = 0; at < given.length; at += 100) await driver.pipe(input, given.slice(at, at + 100));
      await driver.stop(0);
      const live = await bytesOf(backends[0] as StateBackend);
      expect(live.length).toBeGreaterThan(300);
      for (const [i, compact] of [undefined, {}, { dropTombstones: true }].entries()) {
        if (compact !== undefined) driver.broker.control.compact('test-step-changelog', compact);
        await driver.start(i + 1);
        await driver.stop(i + 1);
        expect(await bytesOf(backends[i + 1] as StateBackend)).toEqual(live);
      }
      await driver.close();
    } finally {
      await rm(root, { recursive: true });
    }
  },
);
