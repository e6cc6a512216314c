/** Interactive queries: what they wait for, what they say of themselves, what they leave open. */

import { setImmediate as nextTurn } from 'node:timers/promises';
import { expect, test } from 'vitest';
import { memoryState } from 'gavel/stores';
import type { StateBackend, StorageBatch, TaskStorage } from 'gavel/streams';
import { createTestDriver } from 'gavel/testing';
import { countingTopology, words } from '../support/counting.ts';

/** Memory state whose storages can be wrapped. */
function wrapped(wrap: (storage: TaskStorage) => Partial<TaskStorage>): StateBackend {
  const inner = memoryState();
  return {
    async open(task) {
      const storage = await inner.open(task);
      const plain: TaskStorage = {
        get: (key) => storage.get(key),
        iterate: (range) => storage.iterate(range),
        batch: () => storage.batch(),
        size: () => storage.size(),
        close: () => storage.close(),
      };
      return { ...plain, ...wrap(storage) };
    },
    destroy: (task) => inner.destroy(task),
    list: () => inner.list(),
  };
}

test('an answer that is at least at an offset has the rows of it, however slow the disk', async () => {
  let writing = Promise.withResolvers<void>();
  let write = Promise.withResolvers<void>();
  let slow = false;
  const state = wrapped((storage) => ({
    batch: () => {
      const batch = storage.batch();
      const slowly: StorageBatch = {
        put: (key, value) => batch.put(key, value),
        delete: (key) => batch.delete(key),
        get size() {
          return batch.size;
        },
        async write() {
          if (slow) {
            writing.resolve();
            await write.promise;
          }
          await batch.write();
        },
        discard: () => batch.discard(),
      };
      return slowly;
    },
  }));
  await using driver = await createTestDriver({ topology: countingTopology(), state: () => state });
  writing = Promise.withResolvers<void>();
  write = Promise.withResolvers<void>();
  slow = true;
  await driver.send(words, [{ key: 'a', value: 'x', partition: 0 }]);
  await writing.promise;
  const asked = driver
    .store<string, number>('totals')
    .get('a', { atLeast: { topic: 'words', partition: 0, offset: 1 } });
  for (let i = 0; i < 20; i++) await nextTurn();
  slow = false;
  write.resolve();
  const answer = await asked;
  expect(answer.value).toBe(1);
  expect(answer.position['words:0']).toBe(1);
});

test('an instance that does not run all tasks of a store says that the value may be elsewhere', async () => {
  await using driver = await createTestDriver({ topology: countingTopology() });
  await driver.pipe(words, [{ key: 'a', value: 'x' }]);
  expect(await driver.store('totals').get('a')).toMatchObject({ value: 1, stale: false });
  await driver.start(1);
  await driver.advance(10_000);
  const answers = await Promise.all([0, 1].map((i) => driver.store('totals', i).get('a')));
  expect(new Set(answers.map(({ value }) => value))).toEqual(new Set([1, undefined]));
  expect(answers.map(({ stale }) => stale)).toEqual([true, true]);
});

test('who waits for a partition that is given up meanwhile is told', async () => {
  await using driver = await createTestDriver({ topology: countingTopology() });
  const asked = [0, 1, 2].map((partition) =>
    driver
      .store('totals')
      .get('a', { atLeast: { topic: 'words', partition, offset: 1_000 } })
      .catch((error: unknown) => error),
  );
  await driver.start(1);
  await driver.advance(10_000);
  const first = await Promise.race(asked);
  expect(first).toMatchObject({ code: 'STORE_NOT_READY' });
});

test('a scan over tasks of which one cannot be read leaves no iterator open', async () => {
  let open = 0;
  let tasks = 0;
  const state = wrapped((storage) => {
    const broken = ++tasks === 2;
    return {
      iterate: (range) => {
        const iterator = storage.iterate(range);
        open++;
        let closed = false;
        return {
          next: async (limit) => {
            if (broken) throw new Error('unreadable');
            return iterator.next(limit);
          },
          close: async () => {
            if (!closed) open--;
            closed = true;
            await iterator.close();
          },
        };
      },
    };
  });
  await using driver = await createTestDriver({ topology: countingTopology(), state: () => state });
  await driver.pipe(
    words,
    [...'abcdefgh'].map((key) => ({ key, value: 'x' })),
  );
  const scanning = async (): Promise<void> => {
    for await (const _ of driver.store('totals').scan()) continue;
  };
  await expect(scanning()).rejects.toThrow('unreadable');
  expect(open).toBe(0);
});
