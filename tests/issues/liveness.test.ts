/** Faults that must not stop the work, and waits that must not hold others up. */

import { expect, test } from 'vitest';
import {
  SerdeNotReady,
  GavelError,
  globalTable,
  port,
  processor,
  sink,
  source,
  stringSerde,
  topology,
} from 'gavel/streams';
import { createTestDriver } from 'gavel/testing';
import { counts, countingTopology, words } from '../support/counting.ts';
import { input, output, pairs, stepTopology, textTopic } from '../unit/streams/runtime/support.ts';

const clocked = textTopic({ name: 'clocked', timestampType: 'append' });

/** Wakes a second after each record and says so. */
const wakingTopology = () =>
  stepTopology(
    (context) => ({
      process({ timestamp }) {
        context.wakeAt(timestamp + 1_000);
      },
      wake(time) {
        context.forward('out', 'woken', `${time}`);
        return undefined;
      },
    }),
    { from: clocked, source: { clock: true } },
  );

test.each(['fail', 'apply-then-fail'] as const)(
  'a clock record whose append is not answered (%s) is tried again',
  async (fault) => {
    await using driver = await createTestDriver({ topology: wakingTopology(), startTime: 10_000 });
    await driver.pipe(clocked, [{ key: 'a', value: 'x' }]);
    let faults = 0;
    driver.broker.control.intercept((call) => {
      const clock = call.operation === 'produce' && call.topic === clocked.name && call.transactionalId === undefined;
      return clock && faults++ < 2 ? fault : undefined;
    });
    await driver.advance(3_000);
    expect(faults).toBeGreaterThan(0);
    expect(await driver.read(output)).toHaveLength(1);
  },
);

test('a task that waits for open transactions does not hold up its revocation', async () => {
  await using driver = await createTestDriver({ topology: countingTopology() });
  await driver.kill(0);
  await driver.advance(12_000);
  // Somebody's transaction holds the offsets for as long as it may, a minute.
  const other = driver.broker.transactionalProducer('somebody');
  await other.init();
  const offsets = [0, 1, 2].map((partition) => ({ topic: 'words', partition, offset: 0, metadata: '' }));
  await other.begin().commitOffsets({ groupId: 'test', generation: -1, memberId: '' }, offsets);
  let asked = 0;
  const waits = Promise.withResolvers<void>();
  driver.broker.control.intercept((call) => {
    if (call.operation === 'committedOffsets' && ++asked > 20) waits.resolve();
    return undefined;
  });
  const starting = driver.start(1).catch(() => undefined);
  await waits.promise;
  const began = driver.clock.now();
  await driver.kill(1);
  await starting;
  expect(driver.clock.now() - began).toBeLessThan(1_000);
});

test('two live instances with one instance id: the second is refused and the first goes on', async () => {
  const warnings: string[] = [];
  const { clock, broker } = await createTestDriver({ topology: countingTopology() }).then(async (driver) => {
    await driver.pipe(words, [{ key: 'a', value: 'x' }]);
    return driver;
  });
  await using second = await createTestDriver({
    topology: countingTopology(),
    instances: 0,
    clock,
    broker,
    options: { listeners: { onWarning: ({ code }) => warnings.push(code) } },
  });
  await expect(second.start(0)).rejects.toMatchObject({ code: 'FENCED_INSTANCE' });
  await second.kill(0);
  await second.pipe(words, [{ key: 'a', value: 'x' }]);
  expect(pairs(await second.read(counts))).toEqual([
    ['a', 1],
    ['a', 2],
  ]);
});

test('what a global table cannot read is dropped with a warning, as the handler says', async () => {
  const names = textTopic({
    name: 'names',
    cleanup: 'compact',
    value: {
      ...stringSerde,
      deserialize(bytes) {
        const text = bytes.toString();
        if (text === 'poison') throw new Error('poison');
        return text;
      },
    },
  });
  const table = globalTable({ name: 'names', topic: names });
  const records = source({ name: 'in', topic: input });
  const look = processor({
    name: 'look',
    from: [records.out],
    ports: { out: port<string, string>() },
    tables: { names: table },
    create: (context) => ({
      process: ({ key }) => context.forward('out', key, context.tables.names.get(key) ?? 'unknown'),
    }),
  });
  const warnings: string[] = [];
  await using driver = await createTestDriver({
    topology: topology({ step: [sink({ name: 'out', from: [look.out.out], topic: output })] }),
    instances: 0,
    options: { listeners: { onWarning: ({ code }) => warnings.push(code) } },
  });
  await driver.send(names, [
    { key: 'a', value: 'Ada' },
    { key: 'b', value: 'poison' },
  ]);
  await driver.start(0);
  await driver.pipe(names, [
    { key: 'c', value: 'poison' },
    { key: 'd', value: 'Dora' },
  ]);
  await driver.pipe(
    input,
    [...'abcd'].map((key) => ({ key, value: '' })),
  );
  expect(pairs(await driver.read(output))).toEqual([
    ['a', 'Ada'],
    ['b', 'unknown'],
    ['c', 'unknown'],
    ['d', 'Dora'],
  ]);
  expect(warnings).toEqual(['SERDE_FAILED', 'SERDE_FAILED']);
});

test('a global table waits for a registry that is away', async () => {
  let away = 3;
  const names = textTopic({
    name: 'names',
    value: {
      ...stringSerde,
      deserialize(bytes) {
        if (away-- > 0) throw new SerdeNotReady(Promise.reject(new GavelError('REGISTRY_UNAVAILABLE', 'away')));
        return bytes.toString();
      },
    },
  });
  const table = globalTable({ name: 'names', topic: names });
  const records = source({ name: 'in', topic: input });
  const look = processor({
    name: 'look',
    from: [records.out],
    ports: { out: port<string, string>() },
    tables: { names: table },
    create: (context) => ({
      process: ({ key }) => context.forward('out', key, context.tables.names.get(key) ?? 'unknown'),
    }),
  });
  await using driver = await createTestDriver({
    topology: topology({ step: [sink({ name: 'out', from: [look.out.out], topic: output })] }),
    instances: 0,
  });
  await driver.send(names, [{ key: 'a', value: 'Ada' }]);
  await driver.start(0);
  await driver.pipe(input, [{ key: 'a', value: '' }]);
  expect(pairs(await driver.read(output))).toEqual([['a', 'Ada']]);
});
