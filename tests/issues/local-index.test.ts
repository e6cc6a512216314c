/** What a local index answers must not depend on how much of it is in memory. */

import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { jsonSerde, keyValueStore, stringSerde } from 'gavel/streams';
import { levelState, memoryState } from 'gavel/stores';
import type { StateBackend, TaskStorage } from 'gavel/streams';
import { TaskStore } from '../../streams/runtime/task-store.ts';

interface Due {
  readonly due: number;
}

const spec = (name = 'dues') =>
  keyValueStore<string, Due>({
    name,
    key: stringSerde,
    value: jsonSerde<Due>(),
    indexes: { due: (_, value) => value.due },
  });

/** Puts the rows into the storage as an epoch would. */
async function storeWith(backend: StateBackend, rows: readonly (readonly [string, number])[]) {
  const storage = await backend.open('task-0');
  const store = new TaskStore(spec(), storage);
  for (const [key, due] of rows) store.put(key, { due });
  store.freeze();
  const batch = storage.batch();
  for (const _ of store.encode(batch, () => undefined)) continue;
  await batch.write();
  store.applied();
  return { storage, store: new TaskStore(spec(), storage) };
}

test('long keys in LevelDB, whose iterator gives fewer entries at once than were asked for', async () => {
  const directory = await mkdtemp(join(tmpdir(), 'gavel-index-'));
  try {
    const rows = Array.from({ length: 3_000 }, (_, i) => [`${i}-${'k'.repeat(600)}`, i] as const);
    const { storage, store } = await storeWith(levelState({ directory }), rows);
    const found: number[] = [];
    for (;;) {
      const due = await store.scanIndex('due', { lte: 10_000, limit: 500 });
      if (due.length === 0) break;
      for (const { key, order } of due) {
        found.push(order);
        store.delete(key);
      }
    }
    expect(found).toEqual(rows.map(([, due]) => due));
    await storage.close();
  } finally {
    await rm(directory, { recursive: true });
  }
});

test('an entry that is added while the head is loaded is found', async () => {
  const { storage } = await storeWith(memoryState(), [['stored', 10]]);
  const loading = Promise.withResolvers<void>();
  const loaded = Promise.withResolvers<void>();
  const slow: TaskStorage = {
    get: (key) => storage.get(key),
    batch: () => storage.batch(),
    size: () => storage.size(),
    close: () => storage.close(),
    iterate(range) {
      const iterator = storage.iterate(range);
      return {
        async next(limit) {
          loading.resolve();
          await loaded.promise;
          return iterator.next(limit);
        },
        close: () => iterator.close(),
      };
    },
  };
  const store = new TaskStore(spec(), slow);
  const scanning = store.scanIndex('due', { limit: 10 });
  await loading.promise;
  store.put('meanwhile', { due: 5 });
  loaded.resolve();
  await scanning;
  expect((await store.scanIndex('due', { limit: 10 })).map(({ key }) => key)).toEqual(['meanwhile', 'stored']);
});

test('two scans at once both answer everything', async () => {
  const rows = Array.from({ length: 1_500 }, (_, i) => [`k${i}`, i] as const);
  const { store } = await storeWith(memoryState(), rows);
  await store.scanIndex('due', { limit: 10 }); // a part is in memory now
  const all = { limit: 2_000 };
  const [one, two] = await Promise.all([store.scanIndex('due', all), store.scanIndex('due', all)]);
  expect(one.map(({ order }) => order)).toEqual(rows.map(([, due]) => due));
  expect(two.map(({ order }) => order)).toEqual(rows.map(([, due]) => due));
});

test('a scan answers the rows as they were when it was asked', async () => {
  const { store } = await storeWith(memoryState(), [
    ['a', 1],
    ['b', 2],
  ]);
  const scanning = store.scanIndex('due', { limit: 10 });
  store.delete('a');
  store.put('b', { due: 3 });
  // What changed after the call may be left out, but what is answered is true and no value is missing.
  for (const { key, order, value } of await scanning) {
    expect(value).toEqual({ due: order });
    expect(['a', 'b']).toContain(key);
  }
});
