/** Starting, pausing, draining, killing; what an instance says of itself; what it holds (DESIGN: drain, listeners, unlogged stores). */

import { setImmediate as nextTurn } from 'node:timers/promises';
import { expect, test } from 'vitest';
import { createStreams, keyValueStore, stringSerde } from 'gavel/streams';
import type { InstanceState, MetricsHook } from 'gavel/streams';
import { memoryBroker } from 'gavel/broker';
import { memoryState } from 'gavel/stores';
import { VirtualClock, createTestDriver } from 'gavel/testing';
import { counts, countingTopology, parities, words } from '../../../support/counting.ts';
import { batchesOf } from '../../../../testing/topic-io.ts';
import { input, keepAndForward, output, stepTopology, textTopic, values } from './support.ts';

const turns = async (n: number): Promise<void> => {
  for (let i = 0; i < n; i++) await nextTurn();
};

test('closing finishes what was taken, commits it and leaves the group', async () => {
  await using driver = await createTestDriver({ topology: stepTopology(keepAndForward) });
  // The commit of the first record is under way while more is taken; closing waits for both.
  const held = Promise.withResolvers<void>();
  const remove = driver.broker.control.intercept((call) => (call.operation === 'commit' ? held.promise : undefined));
  await driver.send(input, [{ key: 'a', value: '1' }]);
  await turns(20);
  await driver.send(input, [{ key: 'b', value: '2' }]);
  await turns(20);
  const stopping = driver.stop(0);
  await turns(20);
  remove();
  held.resolve();
  await stopping;
  expect(values(await driver.read(output))).toEqual(['1', '2']);
  expect((await driver.broker.groups.describe('test')).members).toEqual([]);
  const [offset] = await driver.broker.groups.committedOffsets('test', [{ topic: input.name, partition: 0 }]);
  expect(offset?.offset).toBe(2);
});

test('closing takes nothing more', async () => {
  await using driver = await createTestDriver({ topology: stepTopology(keepAndForward) });
  const held = Promise.withResolvers<void>();
  const remove = driver.broker.control.intercept((call) => (call.operation === 'commit' ? held.promise : undefined));
  await driver.send(input, [{ key: 'a', value: '1' }]);
  await turns(20);
  const stopping = driver.stop(0);
  await turns(20);
  await driver.send(input, [{ key: 'b', value: 'too late' }]);
  await turns(20);
  remove();
  held.resolve();
  await stopping;
  expect(values(await driver.read(output))).toEqual(['1']);
});

test('records on their way through a repartition stay in the log when the instance closes', async () => {
  await using driver = await createTestDriver({ topology: countingTopology() });
  await driver.send(words, [{ key: 'a', value: 'x' }]);
  await driver.stop(0);
  await driver.start(1);
  await driver.advance(1_000);
  expect(values(await driver.read(counts))).toEqual([1]);
  expect(values(await driver.read(parities))).toEqual([1]);
});

test('closing while it restores does not wait for the end', async () => {
  await using driver = await createTestDriver({
    topology: stepTopology(keepAndForward),
    state: () => memoryState(),
  });
  await driver.pipe(input, [{ key: 'a', value: '1' }]);
  await driver.stop(0);
  const changelog = 'test-step-changelog';
  const never = new Promise<void>(() => undefined);
  const asked = Promise.withResolvers<void>();
  const remove = driver.broker.control.intercept((call) => {
    if (call.operation !== 'fetch' || call.topic !== changelog) return undefined;
    asked.resolve();
    return never;
  });
  for (const end of ['stop', 'kill'] as const) {
    const starting = driver.start(1).catch(() => undefined);
    await asked.promise;
    await driver[end](1);
    await starting;
  }
  remove();
  await driver.start(2);
  expect((await driver.store('rows', 2).get('a')).value).toBe('1');
});

test('states are told in their order', async () => {
  const states: InstanceState[] = [];
  await using driver = await createTestDriver({
    topology: stepTopology(keepAndForward),
    options: { listeners: { onState: (state) => states.push(state) } },
  });
  await driver.stop(0);
  expect(states).toEqual(['joining', 'running', 'draining', 'closed']);
});

test('a failure is told by the state, by `finished` and by the driver', async () => {
  const states: InstanceState[] = [];
  const clock = new VirtualClock(0);
  const broker = memoryBroker({ clock });
  const app = createStreams({
    applicationId: 'app',
    topology: stepTopology(() => ({
      process() {
        throw new Error('broken');
      },
    })),
    broker,
    state: memoryState(),
    clock,
    listeners: { onState: (state) => states.push(state) },
  });
  await app.start();
  await broker.producer().produce(batchesOf(input, [{ key: 'a', value: 'x' }], 0));
  await expect(app.finished).rejects.toMatchObject({ code: 'PROCESSING_FAILED' });
  expect(app.state).toBe('failed');
  await app.close();
  await app.close();
  expect(states).toEqual(['joining', 'running', 'failed']);
});

test('a paused instance keeps its tasks and its membership, commits what is open and goes on when resumed', async () => {
  const clock = new VirtualClock(0);
  const broker = memoryBroker({ clock });
  await using app = createStreams({
    applicationId: 'app',
    topology: stepTopology(keepAndForward),
    broker,
    state: memoryState(),
    clock,
  });
  await app.start();
  const send = (value: string) => broker.producer().produce(batchesOf(input, [{ key: 'a', value }], 0));
  await send('1');
  await turns(20);
  app.pause();
  await send('2');
  for (let i = 0; i < 20; i++) {
    clock.moveTo(clock.now() + 3_000);
    await turns(5);
  }
  expect((await broker.groups.describe('app')).members).toHaveLength(1);
  expect(app.status().tasks[0]?.inputs[0]).toMatchObject({ committed: 1 });
  expect((await app.store('rows').get('a')).value).toBe('1');
  app.resume();
  await turns(20);
  expect((await app.store('rows').get('a')).value).toBe('2');
});

test('the status tells tasks, positions, lags and what is due', async () => {
  const clocked = textTopic({ name: 'clocked', timestampType: 'append' });
  await using driver = await createTestDriver({
    topology: stepTopology(
      (context) => ({
        process({ key, value, timestamp }) {
          context.stores.rows.put(key, value);
          context.wakeAt(timestamp + 60_000);
        },
        wake: () => undefined,
      }),
      { from: clocked, source: { clock: true } },
    ),
    startTime: 1_000,
  });
  await driver.pipe(clocked, [{ key: 'a', value: 'x' }]);
  expect(driver.status()).toMatchObject([
    {
      applicationId: 'test',
      instanceId: '0',
      state: 'running',
      tasks: [
        {
          id: 'step-0',
          subtopology: 'step',
          partition: 0,
          streamTime: 1_000,
          nextWake: 61_000,
          inputs: [{ topic: 'clocked', partition: 0, position: 1, committed: 1, end: 1, lag: 0 }],
          changelog: { position: 2 },
        },
      ],
    },
  ]);
});

test('a store that is not logged is kept by its disk and empty after a move', async () => {
  const store = keyValueStore({ name: 'scratch', key: stringSerde, value: stringSerde, logged: false });
  await using driver = await createTestDriver({ topology: stepTopology(keepAndForward, { store }) });
  await driver.pipe(input, [{ key: 'a', value: 'x' }]);
  await driver.kill(0);
  await driver.start(0);
  expect((await driver.store('scratch').get('a')).value).toBe('x');
  await driver.stop(0);
  await driver.start(1);
  expect((await driver.store('scratch', 1).get('a')).value).toBeUndefined();
  await driver.pipe(input, [{ key: 'b', value: 'y' }]);
  expect((await driver.store('scratch', 1).get('b')).value).toBe('y');
});

test('with `processing: false` it answers from the changelog, joins no group and processes nothing', async () => {
  await using driver = await createTestDriver({ topology: stepTopology(keepAndForward) });
  await driver.pipe(input, [{ key: 'a', value: 'x' }]);
  await using reader = await createTestDriver({
    topology: stepTopology(keepAndForward),
    broker: driver.broker,
    clock: driver.clock,
    options: { processing: false },
  });
  expect((await driver.broker.groups.describe('test')).members).toHaveLength(1);
  expect(await reader.store('rows').get('a')).toEqual({ value: 'x', position: {}, stale: true });
  await driver.stop(0);
  await driver.send(input, [{ key: 'b', value: 'y' }]);
  await reader.advance(30_000);
  expect((await reader.store('rows').get('b')).value).toBeUndefined();
  expect(values(await driver.read(output))).toEqual(['x']);
});

test('metrics are counted with the epoch that made them', async () => {
  const sums = new Map<string, number>();
  const metrics: MetricsHook = {
    count: (name, _, by) => void sums.set(name, (sums.get(name) ?? 0) + by),
    observe() {},
    gauge() {},
  };
  await using driver = await createTestDriver({
    topology: stepTopology((context) => ({
      process({ key, value }) {
        context.count('seen_total');
        if (value === 'poison') throw new Error('poison');
        context.forward('out', key, value);
      },
    })),
    options: { metrics, handlers: { processing: () => 'skip' } },
  });
  await driver.pipe(
    input,
    ['1', '2', 'poison', '4'].map((value) => ({ key: 'a', value })),
  );
  expect(Object.fromEntries(sums)).toMatchObject({
    seen_total: 3,
    records_processed_total: 4,
    records_produced_total: 3,
    records_dropped_total: 1,
  });
});

test('purged repartition topics keep what was not processed', async () => {
  await using driver = await createTestDriver({ topology: countingTopology(), options: { purgeIntervalMs: 1_000 } });
  const starts = async (): Promise<number> =>
    (
      await driver.broker.listOffsets(
        [0, 1, 2].map((partition) => ({ topic: 'test-by-parity-repartition', partition })),
        'earliest',
      )
    ).reduce((sum, { offset }) => sum + offset, 0);
  await driver.pipe(words, [{ key: 'a', value: 'x' }]);
  expect(await starts()).toBe(0);
  await driver.advance(1_500);
  await driver.pipe(words, [{ key: 'a', value: 'x' }]);
  await driver.advance(1_500);
  await driver.pipe(words, [{ key: 'a', value: 'x' }]);
  expect(await starts()).toBeGreaterThan(0);
  expect(values(await driver.read(parities))).toHaveLength(3);
});
