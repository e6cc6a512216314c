/** Wakes and clock records: when they come, with input and without, and what becomes of them in a crash (semantics 27; "Time"). */

import { expect, test } from 'vitest';
import {
  CLOCK_HEADER,
  bytesSerde,
  createStreams,
  jsonSerde,
  keyValueStore,
  port,
  processor,
  sink,
  source,
  stringSerde,
  topology,
} from 'gavel/streams';
import type { CommitStep, Topology } from 'gavel/streams';
import { GavelError } from 'gavel/streams';
import { memoryBroker } from 'gavel/broker';
import { memoryState } from 'gavel/stores';
import { VirtualClock, createTestDriver } from 'gavel/testing';
import type { TestDriver } from 'gavel/testing';
import { batchesOf } from '../../../../testing/topic-io.ts';
import { textTopic, values } from './support.ts';

const tasks = textTopic({ name: 'tasks', timestampType: 'append' });
const done = textTopic({ name: 'done' });
const BYTES = { ...tasks, key: bytesSerde, value: bytesSerde };

interface Due {
  readonly due: number;
}

const dues = keyValueStore<string, Due>({
  name: 'dues',
  key: stringSerde,
  value: jsonSerde<Due>(),
  indexes: { due: (_, { due }) => due },
});

/** Each record asks for `done` at the record's value in ms after its own time, or at that time where it begins with `@`. */
function timers(clock = true, onWake?: (handled: number) => void): Topology {
  const records = source({ name: 'tasks', topic: tasks, clock });
  const timer = processor({
    name: 'timer',
    from: [records.out],
    ports: { out: port<string, string>() },
    stores: { dues },
    create: (context) => ({
      process({ key, value, timestamp }) {
        const due = value.startsWith('@') ? Number(value.slice(1)) : timestamp + Number(value);
        context.stores.dues.put(key, { due });
        context.wakeAt(due);
      },
      async wake(time, limit) {
        const found = await context.stores.dues.scanIndex('due', { lte: time, limit });
        onWake?.(found.length);
        for (const { key, order } of found) {
          context.stores.dues.delete(key);
          context.forward('out', key, `${order}@${time}`);
        }
        return context.stores.dues.firstOrder('due');
      },
    }),
  });
  return topology({ timers: [sink({ name: 'done', from: [timer.out.out], topic: done })] });
}

/** Times of the clock records that stand in the log. */
async function clockRecords(driver: TestDriver): Promise<number[]> {
  const records = await driver.read(BYTES);
  return records
    .filter(({ headers }) => headers.some(({ key }) => key === CLOCK_HEADER))
    .map(({ timestamp }) => timestamp);
}

const START = 1_000_000;
const started = (options: Partial<Parameters<typeof createTestDriver>[0]> = {}): Promise<TestDriver> =>
  createTestDriver({ topology: timers(), startTime: START, ...options });

test('without input a wake comes at its time, by one clock record', async () => {
  await using driver = await started();
  await driver.pipe(tasks, [{ key: 'a', value: '700' }]);
  await driver.advance(699);
  expect(await driver.read(done)).toEqual([]);
  await driver.advance(1);
  expect(values(await driver.read(done))).toEqual([`${START + 700}@${START + 700}`]);
  await driver.advance(10_000);
  expect(await clockRecords(driver)).toEqual([START + 700]);
});

/** A driver on a log whose clock is ahead: records come with times that the instance has not reached, so nothing is due by its clock. */
function ahead(ms: number): Promise<TestDriver> {
  const clock = new VirtualClock(START);
  const early = { now: () => clock.now() + ms, setTimer: clock.setTimer.bind(clock) };
  return createTestDriver({ topology: timers(), broker: memoryBroker({ clock: early }), clock });
}

test('a record that moves time wakes before it is processed, and no clock record is needed', async () => {
  await using driver = await ahead(1_000);
  await driver.pipe(tasks, [{ key: 'a', value: '700' }]);
  await driver.advance(900);
  expect(await driver.read(done)).toEqual([]);
  await driver.pipe(tasks, [{ key: 'b', value: '50' }]);
  expect(values(await driver.read(done))).toEqual([`${START + 1_700}@${START + 1_900}`]);
  expect(await clockRecords(driver)).toEqual([]);
});

test('a busy partition gets no clock record', async () => {
  await using driver = await ahead(1_000);
  for (let i = 0; i < 20; i++) {
    await driver.pipe(tasks, [{ key: `${i}`, value: '35' }]);
    await driver.advance(40);
  }
  await driver.pipe(tasks, [{ key: 'last', value: '100000' }]);
  expect(await driver.read(done)).toHaveLength(20);
  expect(await clockRecords(driver)).toEqual([]);
});

test('only the earliest wake is armed, and at most one clock record comes in 100 ms', async () => {
  await using driver = await started();
  await driver.pipe(
    tasks,
    Array.from({ length: 50 }, (_, i) => ({ key: `${i}`, value: `${1_000 + i * 10}` })),
  );
  await driver.advance(2_000);
  expect(await driver.read(done)).toHaveLength(50);
  const stamps = await clockRecords(driver);
  expect(stamps[0]).toBe(START + 1_000);
  for (const [i, stamp] of stamps.entries())
    if (i > 0) expect(stamp - (stamps[i - 1] as number)).toBeGreaterThanOrEqual(100);
  expect(stamps).toHaveLength(6);
});

test('no clock record comes while the partition has something that was not processed', async () => {
  const clock = new VirtualClock(START);
  const broker = memoryBroker({ clock });
  await using app = createStreams({ applicationId: 'app', topology: timers(), broker, state: memoryState(), clock });
  await app.start();
  const turns = async (): Promise<void> => {
    for (let i = 0; i < 30; i++) await new Promise<void>((resolve) => void setImmediate(resolve));
  };
  const put = (value: string) => broker.producer().produce(batchesOf(tasks, [{ key: value, value }], clock.now()));
  const end = async (): Promise<number | undefined> =>
    (await broker.listOffsets([{ topic: tasks.name, partition: 0 }], 'latest'))[0]?.offset;
  await put('500');
  await turns();
  app.pause();
  await put('100000'); // taken, but not processed
  await turns();
  for (let i = 0; i < 10; i++) {
    clock.moveTo(clock.now() + 100);
    await turns();
  }
  expect(await end()).toBe(2);
  // Once it is processed the partition is at its end, before the wake's time, and the clock record comes.
  app.resume();
  await turns();
  expect(await end()).toBe(3);
});

test('wakes are armed again after a restart, also on a new disk', async () => {
  const disks = [memoryState(), memoryState(), memoryState()];
  let disk = 0;
  await using driver = await started({ state: () => disks[disk++] ?? memoryState() });
  await driver.pipe(tasks, [
    { key: 'a', value: '20000' },
    { key: 'b', value: '40000' },
  ]);
  await driver.kill(0);
  await driver.start(0);
  await driver.advance(20_000);
  expect(values(await driver.read(done))).toEqual([`${START + 20_000}@${START + 20_000}`]);
  await driver.stop(0);
  await driver.start(1);
  await driver.advance(20_000);
  expect(values(await driver.read(done))).toEqual([`${START + 40_000}@${START + 40_000}`]);
});

test('where the stamp of the log is below the wake, the engine waits the difference', async () => {
  await using driver = await started();
  // The log's clock is 300 ms behind that of the instance.
  const behind = { now: () => driver.clock.now() - 300, setTimer: driver.clock.setTimer.bind(driver.clock) };
  const broker = memoryBroker({ clock: behind });
  await using slow = await createTestDriver({ topology: timers(), broker, clock: driver.clock });
  await slow.pipe(tasks, [{ key: 'a', value: `@${START + 700}` }]);
  await slow.advance(999);
  expect(await slow.read(done)).toEqual([]);
  await slow.advance(1);
  expect(values(await slow.read(done))).toEqual([`${START + 700}@${START + 700}`]);
  const stamps = await clockRecords(slow);
  expect(stamps).toEqual([START + 400, START + 700]);
});

test('a shadow never appends', async () => {
  await using driver = await started({ options: { clockRecords: false } });
  await driver.pipe(tasks, [{ key: 'a', value: '100' }]);
  await driver.advance(5_000);
  expect(await clockRecords(driver)).toEqual([]);
  expect(await driver.read(done)).toEqual([]);
  // It is woken where the next record stands.
  await driver.pipe(tasks, [{ key: 'b', value: '100000' }]);
  expect(values(await driver.read(done))).toEqual([`${START + 100}@${START + 5_000}`]);
});

test('a source that does not declare a clock is given none', async () => {
  await using driver = await started({ topology: timers(false) });
  await driver.pipe(tasks, [{ key: 'a', value: '100' }]);
  await driver.advance(5_000);
  expect(await clockRecords(driver)).toEqual([]);
});

test('on replay wakes stand where they stood', async () => {
  await using driver = await started();
  for (let i = 0; i < 5; i++) {
    await driver.pipe(tasks, [
      { key: `${i}a`, value: '170' },
      { key: `${i}b`, value: '330' },
    ]);
    await driver.advance(200);
  }
  await driver.advance(1_000);
  const first = values(await driver.read(done));
  expect(first).toHaveLength(10);
  await driver.advance(3_600_000);
  const again = await createTestDriver({
    topology: timers(),
    applicationId: 'again',
    broker: driver.broker,
    clock: driver.clock,
    options: { clockRecords: false },
  });
  expect(values(await driver.read(done))).toEqual(first);
  await again.stop(0);
});

const MANY = 3_000;
const many = (due: string) =>
  Array.from({ length: MANY }, (_, i) => ({ key: `k${String(i).padStart(5, '0')}`, value: due }));

test('what is due at one moment is handled in slices of at most 500', async () => {
  const slices: number[] = [];
  await using driver = await started({ topology: timers(true, (handled) => slices.push(handled)) });
  await driver.pipe(tasks, many(`@${START + 5_000}`));
  await driver.advance(5_000);
  expect(await driver.read(done)).toHaveLength(MANY);
  expect(Math.max(...slices)).toBe(500);
  expect(slices.reduce((sum, handled) => sum + handled, 0)).toBe(MANY);
});

test('a crash between two slices loses and doubles nothing: the offset of the record that wakes is committed last', async () => {
  let cuts = 0;
  let armed = false;
  const onCommitStep = (step: CommitStep): void => {
    if (armed && step === 3 && ++cuts === 3) throw new GavelError('KILLED', 'died between two slices');
  };
  await using driver = await started({ options: { onCommitStep, stagedRowsMax: 400 } });
  await driver.pipe(tasks, many(`@${START + 5_000}`));
  const committed = async (): Promise<number> =>
    (await driver.broker.groups.listOffsets('test')).find(({ topic }) => topic === tasks.name)?.offset ?? -1;
  const before = await committed();
  expect(before).toBe(MANY);
  armed = true;
  driver.clock.moveTo(START + 5_000);
  expect(await driver.settleOrDie()).toEqual([0]);
  // Two cuts were committed, but the clock record that wakes was passed in neither.
  expect(await committed()).toBe(before);
  armed = false;
  await driver.start(0);
  await driver.advance(15_000);
  const fired = values(await driver.read(done));
  expect(fired).toHaveLength(MANY);
  const keys = new Set(fired);
  expect(keys.size).toBe(1);
  expect(await committed()).toBeGreaterThan(before);
});

test('20,000 timers at one moment stop neither commits nor heartbeats', async () => {
  const count = 20_000;
  await using driver = await started({ options: { sessionTimeoutMs: 900, stagedRowsMax: 1_000 } });
  await driver.pipe(
    tasks,
    Array.from({ length: count }, (_, i) => ({ key: `k${String(i).padStart(5, '0')}`, value: `@${START + 5_000}` })),
  );
  await driver.advance(4_999);
  let heartbeats = 0;
  let commits = 0;
  driver.broker.control.intercept((call) => {
    if (call.operation === 'heartbeat') heartbeats++;
    if (call.operation === 'commit') {
      commits++;
      // Each commit takes its time, as it would.
      driver.clock.moveTo(driver.clock.now() + 100);
    }
    return undefined;
  });
  const generation = (await driver.broker.groups.describe('test')).generation;
  await driver.advance(1);
  expect(await driver.read(done)).toHaveLength(count);
  expect(commits).toBeGreaterThan(15);
  expect(heartbeats).toBeGreaterThan(4);
  expect((await driver.broker.groups.describe('test')).generation).toBe(generation);
});
