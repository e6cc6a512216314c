/** Starting, failing and stopping at awkward moments: an instance lets go of what it holds and does not come back. */

import { setImmediate as nextTurn } from 'node:timers/promises';
import { expect, test } from 'vitest';
import { createStreams } from 'gavel/streams';
import type { StateBackend } from 'gavel/streams';
import { memoryBroker } from 'gavel/broker';
import { memoryState } from 'gavel/stores';
import { VirtualClock, createTestDriver } from 'gavel/testing';
import { batchesOf } from '../../testing/topic-io.ts';
import { counts, countingTopology, words } from '../support/counting.ts';
import { input, output, pairs, stepTopology } from '../unit/streams/runtime/support.ts';

/** A backend that knows which of its stores are open. */
function watchedState(): StateBackend & { readonly openStores: Set<string> } {
  const inner = memoryState();
  const openStores = new Set<string>();
  return {
    openStores,
    async open(task) {
      const storage = await inner.open(task);
      openStores.add(task);
      return {
        get: (key) => storage.get(key),
        iterate: (range) => storage.iterate(range),
        batch: () => storage.batch(),
        size: () => storage.size(),
        async close() {
          openStores.delete(task);
          await storage.close();
        },
      };
    },
    destroy: (task) => inner.destroy(task),
    list: () => inner.list(),
  };
}

test('a start without a broker rejects, settles `finished` and leaves nothing open', async () => {
  const clock = new VirtualClock(0);
  const broker = memoryBroker({ clock });
  broker.control.intercept((call) => (call.operation === 'admin' ? 'fail' : undefined));
  const state = watchedState();
  const app = createStreams({ applicationId: 'app', topology: countingTopology(), broker, state, clock });
  await expect(app.start()).rejects.toMatchObject({ code: 'BROKER_UNAVAILABLE' });
  expect(app.state).toBe('failed');
  await expect(app.finished).rejects.toMatchObject({ code: 'BROKER_UNAVAILABLE' });
  await app.close();
  expect(state.openStores).toEqual(new Set());
});

test('closing what never started settles `finished`', async () => {
  const broker = memoryBroker({ clock: new VirtualClock(0) });
  const app = createStreams({ applicationId: 'app', topology: countingTopology(), broker, state: memoryState() });
  await app.close();
  await app.finished;
  expect(app.state).toBe('closed');
});

test('an instance that fails while it joins does not stay in the group', async () => {
  await using driver = await createTestDriver({ topology: countingTopology() });
  // The join of a rebalance is held back; meanwhile the instance fails.
  const held = Promise.withResolvers<void>();
  const joining = Promise.withResolvers<void>();
  const release = driver.broker.control.intercept((call) => {
    if (call.operation !== 'join') return undefined;
    joining.resolve();
    return held.promise;
  });
  driver.broker.control.rebalance('test');
  driver.clock.moveTo(driver.clock.now() + 4_000);
  await joining.promise;
  await driver.send(words, [{ key: 'a', value: 'poison' }]);
  while (driver.failure(0) === undefined) await nextTurn();
  expect(driver.failure(0)).toMatchObject({ code: 'PROCESSING_FAILED' });
  held.resolve();
  release();
  for (let i = 0; i < 100; i++) await nextTurn();
  for (let i = 0; i < 12; i++) {
    driver.clock.moveTo(driver.clock.now() + 3_000);
    for (let turn = 0; turn < 10; turn++) await nextTurn();
  }
  expect((await driver.broker.groups.describe('test')).members).toEqual([]);
});

test('a failed instance that is closed leaves the group at once', async () => {
  await using driver = await createTestDriver({ topology: countingTopology(), instances: 2 });
  await driver.send(words, [{ key: 'a', value: 'poison' }]);
  await expect(driver.settle()).rejects.toMatchObject({ code: 'PROCESSING_FAILED' });
  const failed = driver.failure(0) === undefined ? 1 : 0;
  await driver.stop(failed);
  expect((await driver.broker.groups.describe('test')).members).toHaveLength(1);
});

test('a handler that throws stops the instance with its error', async () => {
  const driver = await createTestDriver({
    topology: countingTopology(),
    options: {
      handlers: {
        processing: () => {
          throw new TypeError('broken handler');
        },
      },
    },
  });
  await driver.send(words, [{ key: 'a', value: 'poison' }]);
  await expect(driver.settle()).rejects.toThrow('broken handler');
  await driver.close();
});

test('a commit that fails while the instance closes does not hang it', async () => {
  const driver = await createTestDriver({ topology: countingTopology() });
  driver.broker.control.intercept((call) => (call.operation === 'commit' ? 'fail' : undefined));
  await driver.send(words, [{ key: 'a', value: 'x' }]);
  await driver.stop(0);
  expect(await driver.read(counts)).toEqual([]);
  await driver.close();
});

test('what only a wall-clock punctuation sends is sent', async () => {
  await using driver = await createTestDriver({
    topology: stepTopology((context) => {
      context.schedule({
        kind: 'wall-clock',
        intervalMs: 1_000,
        run: (time) => context.forward('out', 'tick', `${time}`),
      });
      return { process: () => undefined };
    }),
    startTime: 10_000,
  });
  await driver.advance(1_000);
  expect(pairs(await driver.read(output))).toEqual([['tick', '11000']]);
});

test('what a punctuation sends has its time, not that of the record before it', async () => {
  await using driver = await createTestDriver({
    topology: stepTopology((context) => {
      context.schedule({ kind: 'stream', intervalMs: 1_000, run: (time) => context.forward('out', 'tick', `${time}`) });
      return { process: () => undefined };
    }),
  });
  await driver.pipe(input, [{ key: 'a', value: 'x', timestamp: 5_500 }]);
  await driver.kill(0);
  await driver.start(0);
  await driver.read(output);
  await driver.pipe(input, [{ key: 'a', value: 'late', timestamp: 100 }]);
  expect((await driver.read(output)).map(({ value, timestamp }) => [value, timestamp])).toEqual([['5500', 5_500]]);
});

test('an instance that is closed while it starts does not come back', async () => {
  const clock = new VirtualClock(0);
  const broker = memoryBroker({ clock });
  const app = createStreams({
    applicationId: 'app',
    topology: countingTopology(),
    broker,
    state: memoryState(),
    clock,
  });
  const starting = app.start();
  await app.close();
  await starting;
  for (let i = 0; i < 100; i++) await nextTurn();
  expect(app.state).toBe('closed');
  expect((await broker.groups.describe('app')).members).toEqual([]);
});

test('an instance that is closed while it starts over leaves no store open', async () => {
  const clock = new VirtualClock(0);
  const broker = memoryBroker({ clock });
  const state = watchedState();
  const app = createStreams({ applicationId: 'app', topology: countingTopology(), broker, state, clock });
  await app.start();
  // A commit fails, and `init`, with which the work starts over, takes until the instance closes.
  const initializing = Promise.withResolvers<void>();
  const held = Promise.withResolvers<void>();
  broker.control.intercept(async (call) => {
    if (call.operation === 'commit') return 'fail';
    if (call.operation !== 'init') return undefined;
    initializing.resolve();
    await held.promise;
    return undefined;
  });
  const producer = broker.producer();
  await producer.produce(batchesOf(words, [{ key: 'a', value: 'x' }], 0));
  await initializing.promise;
  const closing = app.close();
  held.resolve();
  await closing;
  expect(state.openStores).toEqual(new Set());
});
