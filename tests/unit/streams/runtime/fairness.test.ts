/** Bounded work, back-pressure and heartbeats (semantics 24). */

import { expect, test } from 'vitest';
import { memoryState } from 'gavel/stores';
import { createTestDriver } from 'gavel/testing';
import type { TestDriver } from 'gavel/testing';
import { input, keepAndForward, output, stepTopology, textTopic, values } from './support.ts';

const two = textTopic({ name: 'two', partitions: 2 });

/** Lets commits wait until told. */
function holdCommits(driver: TestDriver): () => void {
  const held = Promise.withResolvers<void>();
  const remove = driver.broker.control.intercept((call) => (call.operation === 'commit' ? held.promise : undefined));
  return () => {
    remove();
    held.resolve();
  };
}

const turns = async (n: number): Promise<void> => {
  for (let i = 0; i < n; i++) await new Promise<void>((resolve) => void setImmediate(resolve));
};

test('a task with much to do lets the others have their turn', async () => {
  const order: number[] = [];
  await using driver = await createTestDriver({
    topology: stepTopology(({ partition }) => ({ process: () => void order.push(partition) }), { from: two }),
  });
  driver.pause(0);
  await driver.send(
    two,
    Array.from({ length: 10_000 }, (_, i) => ({ key: 'k', value: '', partition: i < 9_900 ? 0 : 1 })),
  );
  await turns(10);
  driver.resume(0);
  await driver.settle();
  expect(order).toHaveLength(10_000);
  // A task has the loop for a slice, and for a round at most.
  expect(order.lastIndexOf(1)).toBeLessThan(4_096 + 100);
});

test('a partition whose buffer is full is fetched no further, and again once there is room', async () => {
  let fetches = 0;
  await using driver = await createTestDriver({
    topology: stepTopology(keepAndForward),
    options: { bufferedBytesMax: 10_000 },
    instances: 0,
  });
  driver.broker.control.intercept((call) => {
    if (call.operation === 'fetch' && call.topic === input.name) fetches++;
    return undefined;
  });
  // Nothing is committed, so what was taken is kept for the case that it must be run again.
  const release = holdCommits(driver);
  const value = 'x'.repeat(1_000);
  for (let i = 0; i < 100; i++) await driver.send(input, [{ key: `${i}`, value }]);
  const starting = driver.start(0);
  await turns(300);
  const held = driver.status()[0]?.tasks[0]?.inputs[0];
  expect(held?.position).toBeLessThan(40);
  const before = fetches;
  await turns(100);
  expect(fetches).toBe(before);
  release();
  await starting;
  await driver.settle();
  expect(await driver.read(output)).toHaveLength(100);
});

test('an epoch that is full waits for the commit before it', async () => {
  const seen: string[] = [];
  await using driver = await createTestDriver({
    topology: stepTopology((context) => ({
      process({ key, value }) {
        seen.push(key);
        context.stores.rows.put(key, value);
      },
    })),
    options: { stagedRowsMax: 100 },
  });
  await driver.pipe(input, [{ key: 'first', value: '' }]);
  const release = holdCommits(driver);
  await driver.send(
    input,
    Array.from({ length: 5_000 }, (_, i) => ({ key: `${i}`, value: '' })),
  );
  await turns(100);
  // One epoch is being committed, one is open; each holds its bound and the rest of a round.
  expect(seen.length).toBeLessThan(400);
  release();
  await driver.settle();
  expect(seen).toHaveLength(5_001);
});

test('outputs are bounded by bytes likewise', async () => {
  const seen: string[] = [];
  await using driver = await createTestDriver({
    topology: stepTopology(({ forward }) => ({
      process({ key, value }) {
        seen.push(key);
        forward('out', key, value);
      },
    })),
    options: { stagedBytesMax: 50_000 },
  });
  const release = holdCommits(driver);
  await driver.send(
    input,
    Array.from({ length: 2_000 }, (_, i) => ({ key: `${i}`, value: 'x'.repeat(500) })),
  );
  await turns(100);
  expect(seen.length).toBeLessThan(500);
  release();
  await driver.settle();
  expect(await driver.read(output)).toHaveLength(2_000);
});

test('processing goes on while a commit is under way', async () => {
  const seen: string[] = [];
  await using driver = await createTestDriver({
    topology: stepTopology(() => ({ process: ({ key }) => void seen.push(key) })),
  });
  const release = holdCommits(driver);
  await driver.send(input, [{ key: 'a', value: '' }]);
  await turns(20);
  await driver.send(input, [{ key: 'b', value: '' }]);
  await turns(20);
  expect(seen).toEqual(['a', 'b']);
  release();
  await driver.settle();
  expect(driver.status()[0]?.tasks[0]?.inputs[0]).toMatchObject({ committed: 2 });
});

test('a callback that keeps the loop for more than half the session time-out is named', async () => {
  const warnings: { readonly code: string; readonly message: string }[] = [];
  await using driver = await createTestDriver({
    topology: stepTopology(({ forward }) => ({
      process({ key, value }) {
        const end = performance.now() + 40;
        while (performance.now() < end) continue;
        forward('out', key, value);
      },
    })),
    options: { sessionTimeoutMs: 60, listeners: { onWarning: (warning) => warnings.push(warning) } },
  });
  await driver.pipe(input, [{ key: 'a', value: 'x' }]);
  expect(warnings).toMatchObject([{ code: 'SLOW_CALLBACK', message: expect.stringMatching(/60 ms/) as unknown }]);
  expect(values(await driver.read(output))).toEqual(['x']);
});

test('stores of tasks that are given up close side by side', async () => {
  const closing: string[] = [];
  const gate = Promise.withResolvers<void>();
  let slow = false;
  const inner = memoryState();
  await using driver = await createTestDriver({
    topology: stepTopology(keepAndForward, { from: textTopic({ name: 'four', partitions: 4 }) }),
    state: (i) =>
      i > 0
        ? memoryState()
        : {
            async open(task) {
              const storage = await inner.open(task);
              return {
                get: (key) => storage.get(key),
                iterate: (range) => storage.iterate(range),
                batch: () => storage.batch(),
                size: () => storage.size(),
                async close() {
                  closing.push(task);
                  if (slow) await gate.promise;
                  await storage.close();
                },
              };
            },
            destroy: (task) => inner.destroy(task),
            list: () => inner.list(),
          },
  });
  slow = true;
  const starting = driver.start(1);
  while (closing.length < 2) await turns(1);
  gate.resolve();
  await starting;
  expect(closing).toHaveLength(2);
  await driver.advance(10_000);
  expect(driver.status().map((status) => status?.tasks.length)).toEqual([2, 2]);
});

test('a callback that never ends loses its membership with a clear error, and another instance goes on', async () => {
  let stuck = true;
  const driver = await createTestDriver({
    topology: stepTopology((context) => ({
      async process({ key, value }) {
        if (stuck) await new Promise<never>(() => undefined);
        context.forward('out', key, value);
      },
    })),
  });
  await driver.send(input, [{ key: 'a', value: 'x' }]);
  await expect(driver.advance(10_000)).rejects.toMatchObject({
    code: 'NO_PROGRESS',
    message: expect.stringMatching(/step-0 .* half the session time-out/) as unknown,
  });
  await driver.kill(0);
  stuck = false;
  await driver.start(1);
  await driver.advance(15_000);
  expect(values(await driver.read(output))).toEqual(['x']);
  await driver.close();
});
