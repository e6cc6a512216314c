/** Global tables and interactive queries: what they show, and when. */

import { expect, test } from 'vitest';
import { globalTable, port, processor, sink, source, topology } from 'gavel/streams';
import type { Entry } from 'gavel/streams';
import { createTestDriver } from 'gavel/testing';
import { countingTopology, words } from '../../../support/counting.ts';
import { input, keepAndForward, output, stepTopology, textTopic, values } from './support.ts';

const names = textTopic({ name: 'names', cleanup: 'compact', partitions: 3 });

/** Forwards the name that the table has for each key. */
function looking() {
  const table = globalTable({ name: 'names', topic: names });
  const look = processor({
    name: 'look',
    from: [source({ name: 'in', topic: input }).out],
    ports: { out: port<string, string>() },
    tables: { names: table },
    create: ({ tables, forward }) => ({
      process: ({ key }) => forward('out', key, tables.names.get(key) ?? 'nobody'),
    }),
  });
  return topology({ step: [sink({ name: 'out', from: [look.out.out], topic: output })] });
}

const look = (...keys: string[]) => keys.map((key) => ({ key, value: '' }));

test('a global table has all partitions at the start and follows its topic', async () => {
  await using driver = await createTestDriver({ topology: looking(), instances: 0 });
  const people = ['ada', 'ben', 'cyd', 'dan', 'eve'];
  await driver.send(
    names,
    people.map((key) => ({ key, value: key.toUpperCase() })),
  );
  await driver.start(0);
  await driver.pipe(input, look(...people, 'fay'));
  expect(values(await driver.read(output))).toEqual(['ADA', 'BEN', 'CYD', 'DAN', 'EVE', 'nobody']);
  await driver.pipe(names, [
    { key: 'ada', value: 'Countess' },
    { key: 'ben', value: null },
    { key: null, value: 'no key', partition: 0 },
  ]);
  await driver.pipe(input, look('ada', 'ben'));
  expect(values(await driver.read(output))).toEqual(['Countess', 'nobody']);
});

test('every instance has the whole of a global table', async () => {
  await using driver = await createTestDriver({ topology: looking() });
  await driver.pipe(names, [{ key: 'ada', value: 'ADA' }]);
  await driver.stop(0);
  await driver.start(1);
  await driver.pipe(input, look('ada'));
  expect(values(await driver.read(output))).toEqual(['ADA']);
});

async function all<K, V>(entries: AsyncIterable<Entry<K, V>>): Promise<[K, V][]> {
  const found: [K, V][] = [];
  for await (const { key, value } of entries) found.push([key, value]);
  return found;
}

test('a query sees what is committed, not the open epoch', async () => {
  await using driver = await createTestDriver({ topology: stepTopology(keepAndForward) });
  await driver.pipe(input, [{ key: 'a', value: 'old' }]);
  const held = Promise.withResolvers<void>();
  const remove = driver.broker.control.intercept((call) => (call.operation === 'commit' ? held.promise : undefined));
  await driver.send(input, [{ key: 'a', value: 'new' }]);
  for (let i = 0; i < 30; i++) await new Promise<void>((resolve) => void setImmediate(resolve));
  const store = driver.store<string, string>('rows');
  expect(await store.get('a')).toEqual({ value: 'old', position: { 'in:0': 1 }, stale: false });
  expect(await all(store.scan())).toEqual([['a', 'old']]);
  const later = store.get('a', { atLeast: { topic: 'in', partition: 0, offset: 2 } });
  remove();
  held.resolve();
  expect(await later).toMatchObject({ value: 'new', stale: false });
  expect((await later).position['in:0']).toBeGreaterThanOrEqual(2);
});

test('a scan merges the tasks in the order of the keys, in both directions, with bounds', async () => {
  await using driver = await createTestDriver({ topology: countingTopology() });
  const keys = [...'hgfedcba'];
  await driver.pipe(
    words,
    keys.map((key) => ({ key, value: 'x' })),
  );
  const store = driver.store<string, number>('totals');
  const scanned = async (options?: Parameters<typeof store.scan>[0]): Promise<string> =>
    (await all(store.scan(options))).map(([key]) => key).join('');
  expect(await scanned()).toBe('abcdefgh');
  expect(await scanned({ reverse: true })).toBe('hgfedcba');
  expect(await scanned({ gte: 'c', lt: 'f' })).toBe('cde');
  expect(await scanned({ limit: 3 })).toBe('abc');
  expect(await scanned({ limit: 3, reverse: true })).toBe('hgf');
  expect(await scanned({ limit: 0 })).toBe('');
  expect(await scanned({ prefix: Buffer.from('d') })).toBe('d');
});

test('an unknown store and a partition that nobody here reads are told with a hint', async () => {
  await using driver = await createTestDriver({ topology: stepTopology(keepAndForward) });
  expect(() => driver.store('nope')).toThrow(
    expect.objectContaining({ code: 'STORE_UNKNOWN', hint: 'the stores are: rows' }),
  );
  await expect(
    driver.store('rows').get('a', { atLeast: { topic: 'in', partition: 7, offset: 1 } }),
  ).rejects.toMatchObject({ code: 'STORE_NOT_READY' });
});
