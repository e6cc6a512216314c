/** Restoring from the changelog: where it ends, when it is not believed, and that the work of others goes on (semantics 18, 19, 24). */

import { expect, test } from 'vitest';
import { keyValueStore, stringSerde } from 'gavel/streams';
import { memoryState } from 'gavel/stores';
import type { StateBackend, TaskStorage } from 'gavel/streams';
import { createTestDriver } from 'gavel/testing';
import type { TestDriver } from 'gavel/testing';
import { input, keepAndForward, stepTopology, textTopic, output, values } from './support.ts';

const CHANGELOG = 'test-step-changelog';
const at = [{ topic: CHANGELOG, partition: 0 }];

interface Heard {
  readonly warnings: { readonly code: string; readonly message: string }[];
  readonly restored: { readonly restored: number; readonly remaining: number }[];
}

/** A driver with one task, and what its listeners hear. */
async function started(state: (instance: number) => StateBackend): Promise<{ driver: TestDriver; heard: Heard }> {
  const heard: Heard = { warnings: [], restored: [] };
  const driver = await createTestDriver({
    topology: stepTopology(keepAndForward),
    state,
    options: {
      listeners: {
        onWarning: (warning) => heard.warnings.push(warning),
        onRestore: ({ restored, remaining }) => heard.restored.push({ restored, remaining }),
      },
    },
  });
  return { driver, heard };
}

const get = async (driver: TestDriver, key: string, i = 0): Promise<unknown> =>
  (await driver.store<string, string>('rows', i).get(key)).value;

test('a changelog whose tail is markers is restored to its end', async () => {
  const { driver } = await started(() => memoryState());
  await using _ = driver;
  await driver.pipe(input, [{ key: 'a', value: 'x' }]);
  const end = (await driver.broker.listOffsets(at, 'end'))[0]?.offset ?? 0;
  await driver.stop(0);
  await driver.start(1);
  // The last offset is the marker's.
  expect(driver.status()[1]?.tasks[0]?.changelog?.position).toBe(end);
  expect(await get(driver, 'a', 1)).toBe('x');
});

test('a changelog whose records are compacted away is restored to its end', async () => {
  const { driver } = await started(() => memoryState());
  await using _ = driver;
  await driver.pipe(input, [{ key: 'a', value: 'x' }]);
  await driver.pipe(input, [{ key: 'a', value: 'y' }]);
  driver.broker.control.compact(CHANGELOG);
  await driver.stop(0);
  await driver.start(1);
  expect(await get(driver, 'a', 1)).toBe('y');
  await driver.pipe(input, [{ key: 'b', value: 'z' }]);
  expect(await get(driver, 'b', 1)).toBe('z');
});

test('records of aborted transactions are not restored', async () => {
  const { driver } = await started(() => memoryState());
  await using _ = driver;
  await driver.pipe(input, [{ key: 'a', value: 'x' }]);
  driver.broker.control.intercept((call) => (call.operation === 'commit' ? 'fail' : undefined));
  await driver.send(input, [{ key: 'a', value: 'lost' }]);
  for (let i = 0; i < 50; i++) await new Promise<void>((resolve) => void setImmediate(resolve));
  await driver.kill(0);
  const other = await createTestDriver({
    topology: stepTopology(keepAndForward),
    broker: driver.broker,
    clock: driver.clock,
    options: { processing: false },
  });
  expect((await other.store('rows').get('a')).value).toBe('x');
  await other.kill(0);
});

test('only what is missing is read', async () => {
  const disk = memoryState();
  const { driver, heard } = await started(() => disk);
  await using _ = driver;
  await driver.pipe(input, [{ key: 'a', value: 'x' }]);
  await driver.kill(0);
  heard.restored.length = 0;
  await driver.start(0);
  expect(heard.restored).toEqual([{ restored: 0, remaining: 0 }]);
  expect(heard.warnings).toEqual([]);
  await driver.stop(0);
  heard.restored.length = 0;
  await driver.start(1);
  expect(heard.restored.at(-1)).toEqual({ restored: 0, remaining: 0 });
});

test('progress is told up to the end', async () => {
  let disks = 0;
  const { driver, heard } = await started(() => (disks++, memoryState()));
  await using _ = driver;
  for (let round = 0; round < 4; round++)
    await driver.pipe(
      input,
      Array.from({ length: 3_000 }, (_, i) => ({ key: `${round}-${i}`, value: 'x'.repeat(200) })),
    );
  await driver.stop(0);
  heard.restored.length = 0;
  await driver.start(1);
  expect(disks).toBe(2);
  expect(heard.restored.length).toBeGreaterThan(2);
  expect(heard.restored[0]?.remaining).toBeGreaterThan(0);
  // Every row once, and the row of the task's times once per write.
  expect(heard.restored.at(-1)?.restored).toBeGreaterThan(12_000);
  expect(heard.restored.at(-1)?.remaining).toBe(0);
  expect(await get(driver, '3-2999', 1)).toHaveLength(200);
});

const rebuilds: readonly [string, (driver: TestDriver) => Promise<void>, RegExp][] = [
  [
    'the changelog begins behind the stored position',
    async (driver) => {
      // What is deleted was written by others since this state was left.
      await driver.start(1);
      for (const value of ['y', 'z']) await driver.pipe(input, [{ key: 'a', value }]);
      await driver.stop(1);
      const [end] = await driver.broker.listOffsets(at, 'latest');
      await driver.broker.deleteRecords([{ topic: CHANGELOG, partition: 0, offset: (end?.offset ?? 0) - 2 }]);
    },
    /begins at/,
  ],
  [
    'the state is beyond the changelog, of which there is another one',
    async (driver) => {
      await driver.broker.deleteTopics([CHANGELOG]);
      await driver.broker.createTopics([{ name: CHANGELOG, partitions: 1, config: output.config }]);
    },
    /another changelog/,
  ],
  [
    'it is so old that deletions may be missing',
    async (driver) => {
      await driver.start(1);
      await driver.pipe(input, [{ key: 'b', value: 'y' }]);
      await driver.stop(1);
      driver.clock.moveTo(driver.clock.now() + 13 * 3_600_000);
    },
    /so old/,
  ],
];

test.each(rebuilds)('state is rebuilt, and it is said, where %s', async (_name, change, why) => {
  const disks = [memoryState(), memoryState()];
  const { driver, heard } = await started((i) => disks[i] ?? memoryState());
  await using _ = driver;
  await driver.pipe(input, [{ key: 'a', value: 'x' }]);
  await driver.stop(0);
  await change(driver);
  heard.warnings.length = 0;
  await driver.start(0);
  expect(heard.warnings).toEqual([{ code: 'STATE_REBUILT', message: expect.stringMatching(why) as unknown }]);
  await driver.pipe(input, [{ key: 'c', value: 'new' }]);
  expect(await get(driver, 'c')).toBe('new');
});

test('state beyond the end of its changelog is rebuilt', async () => {
  const disk = memoryState();
  const { driver, heard } = await started(() => disk);
  await using _ = driver;
  await driver.pipe(input, [{ key: 'a', value: 'x' }]);
  await driver.stop(0);
  // As if the log had lost its tail: the state says that it has read further.
  const storage = await disk.open('step-0');
  const meta = JSON.parse(String(storage.get(Buffer.from([0])))) as { changelog: { position: number } };
  meta.changelog.position += 10;
  const batch = storage.batch();
  batch.put(Buffer.from([0]), Buffer.from(JSON.stringify(meta)));
  await batch.write();
  await storage.close();
  await driver.start(0);
  expect(heard.warnings).toMatchObject([
    { code: 'STATE_REBUILT', message: expect.stringMatching(/beyond/) as unknown },
  ]);
  expect(await get(driver, 'a')).toBe('x');
});

test('a poison row in the changelog is fatal', async () => {
  const { driver } = await started(() => memoryState());
  await driver.pipe(input, [{ key: 'a', value: 'x' }]);
  await driver.stop(0);
  await driver.send(textTopic({ name: CHANGELOG }), [{ key: null, value: 'no key', partition: 0 }]);
  await expect(driver.start(1)).rejects.toMatchObject({ code: 'CHANGELOG_POISON' });
  await driver.close();
});

test('rows of a store that the topology does not know any more are kept', async () => {
  const { driver } = await started(() => memoryState());
  await driver.pipe(input, [{ key: 'a', value: 'x' }]);
  await driver.stop(0);
  const { broker, clock } = driver;
  const disk = memoryState();
  const without = await createTestDriver({
    topology: stepTopology(() => ({ process: () => undefined }), {
      store: keyValueStore({ name: 'others', key: stringSerde, value: stringSerde }),
    }),
    broker,
    clock,
    state: () => disk,
  });
  await without.stop(0);
  const again = await createTestDriver({ topology: stepTopology(keepAndForward), broker, clock, state: () => disk });
  expect(await get(again, 'a')).toBe('x');
  await again.stop(0);
});

/** Memory state whose writes wait until they are let go. */
function slowState(): { readonly state: StateBackend; readonly release: () => void } {
  const inner = memoryState();
  const gate = Promise.withResolvers<void>();
  const state: StateBackend = {
    async open(task) {
      const storage = await inner.open(task);
      const slow: TaskStorage = {
        get: (key) => storage.get(key),
        iterate: (range) => storage.iterate(range),
        size: () => storage.size(),
        close: () => storage.close(),
        batch: () => {
          const batch = storage.batch();
          return {
            put: (key, value) => batch.put(key, value),
            delete: (key) => batch.delete(key),
            get size() {
              return batch.size;
            },
            write: () => gate.promise.then(() => batch.write()),
            discard: () => batch.discard(),
          };
        },
      };
      return task === 'step-1' ? slow : storage;
    },
    destroy: (task) => inner.destroy(task),
    list: () => inner.list(),
  };
  return { state, release: () => gate.resolve() };
}

test('a task that restores does not hold up the others', async () => {
  const two = textTopic({ name: 'two', partitions: 2 });
  const slow = slowState();
  const driver = await createTestDriver({
    topology: stepTopology(keepAndForward, { from: two }),
    state: (i) => (i === 1 ? slow.state : memoryState()),
  });
  await driver.pipe(two, [
    { key: 'a', value: 'x', partition: 0 },
    { key: 'b', value: 'x', partition: 1 },
  ]);
  await driver.kill(0);
  await driver.send(two, [
    { key: 'a', value: 'y', partition: 0 },
    { key: 'b', value: 'y', partition: 1 },
  ]);
  const starting = driver.start(1);
  while ((driver.status()[1]?.tasks.length ?? 0) < 1) await new Promise<void>((resolve) => void setImmediate(resolve));
  for (let i = 0; i < 50; i++) await new Promise<void>((resolve) => void setImmediate(resolve));
  expect(driver.status()[1]?.tasks.map(({ id }) => id)).toEqual(['step-0']);
  expect(values(await driver.read(output))).toEqual(['x', 'x', 'y']);
  slow.release();
  await starting;
  expect(values(await driver.read(output))).toEqual(['y']);
  await driver.close();
});
