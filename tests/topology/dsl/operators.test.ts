import { expect, test } from 'vitest';
import {
  defineTopic,
  globalTable,
  integerSerde,
  jsonSerde,
  keyValueStore,
  port,
  stream,
  stringSerde,
  table,
  topology,
} from 'gavel/streams';
import { createTestDriver } from 'gavel/testing';

const numbersTopic = defineTopic({ name: 'numbers', key: stringSerde, value: integerSerde });
const out = defineTopic({ name: 'out', key: stringSerde, value: jsonSerde<unknown>(), partitions: 1 });
const numbers = stream({ name: 'numbers', topic: numbersTopic });
const pairs = (records: readonly { readonly key: unknown; readonly value: unknown }[]) =>
  records.map(({ key, value }) => [key, value]).sort(([a], [b]) => (String(a) < String(b) ? -1 : 1));

test('stateless steps, branches, merge and a repartition', async () => {
  const shown: number[] = [];
  const { even, odd } = numbers
    .filter({ name: 'positive', where: ({ value }) => value > 0 })
    .peek({ name: 'show', run: ({ value }) => shown.push(value) })
    .split({ name: 'parity', branches: { even: ({ value }) => value % 2 === 0, odd: () => true } });
  const halves = even.mapValues({ name: 'half', to: ({ value }) => value / 2 });
  const tens = odd.map({ name: 'ten', by: ({ key }) => `${key}*`, to: ({ value }) => value * 10 });
  const all = halves
    .merge({ with: [tens] })
    .selectKey({ name: 'louder', by: ({ key }) => key.toUpperCase() })
    .repartition({ name: 'loud', key: stringSerde, value: integerSerde })
    .toTable({ name: 'latest', key: stringSerde, value: integerSerde });
  await using driver = await createTestDriver({
    topology: topology({ latest: [all.toStream().to({ name: 'out', topic: out })] }),
  });
  await driver.pipe(
    numbersTopic,
    [1, 2, -3, 4].map((value) => ({ key: `k${value}`, value })),
  );
  expect(pairs(await driver.read(out))).toEqual([
    ['K1*', 10],
    ['K2', 1],
    ['K4', 2],
  ]);
  expect(shown.sort((a, b) => a - b)).toEqual([1, 2, 4]);
});

test('a table is joined with the rows of its task; null deletes a row', async () => {
  const rowsTopic = defineTopic({ name: 'rows', key: stringSerde, value: stringSerde, cleanup: 'compact' });
  const rows = table({ name: 'rows', topic: rowsTopic });
  const joined = numbers.leftJoin({ name: 'joined', table: rows, to: ({ value }, row) => `${value} ${row}` });
  await using driver = await createTestDriver({
    topology: topology({ join: [joined.to({ name: 'out', topic: out })] }),
  });
  const keys = ['a', 'b', 'c', 'd'];
  await driver.pipe(
    rowsTopic,
    keys.map((key) => ({ key, value: key.toUpperCase() })),
  );
  await driver.pipe(
    numbersTopic,
    keys.map((key, value) => ({ key, value })),
  );
  expect(pairs(await driver.read(out))).toEqual([
    ['a', '0 A'],
    ['b', '1 B'],
    ['c', '2 C'],
    ['d', '3 D'],
  ]);
  await driver.pipe(rowsTopic, [{ key: 'a', value: null }]);
  await driver.kill(0);
  await driver.start(0);
  await driver.pipe(
    numbersTopic,
    keys.slice(0, 2).map((key, value) => ({ key, value })),
  );
  expect(pairs(await driver.read(out))).toEqual([
    ['a', '0 null'],
    ['b', '1 B'],
  ]);
});

test('a global table is joined by any key', async () => {
  const namesTopic = defineTopic({ name: 'names', key: integerSerde, value: stringSerde, cleanup: 'compact' });
  const names = globalTable({ name: 'names', topic: namesTopic });
  const named = numbers.joinGlobal({ name: 'named', table: names, by: ({ value }) => value, to: (_, name) => name });
  await using driver = await createTestDriver({
    topology: topology({ join: [named.to({ name: 'out', topic: out })] }),
  });
  await driver.pipe(namesTopic, [
    { key: 1, value: 'one' },
    { key: 2, value: 'two' },
  ]);
  await driver.pipe(
    numbersTopic,
    [1, 2, 3].map((value) => ({ key: `k${value}`, value })),
  );
  expect(pairs(await driver.read(out))).toEqual([
    ['k1', 'one'],
    ['k2', 'two'],
  ]);
});

test('a step of the author stands among the others', async () => {
  const seen = keyValueStore({ name: 'seen', key: stringSerde, value: integerSerde });
  const { first, again } = numbers.process({
    name: 'once',
    ports: { first: port<string, number>(), again: port<string, number>() },
    stores: { seen },
    create: (context) => ({
      process({ key, value }) {
        const times = context.stores.seen.get(key) ?? 0;
        context.stores.seen.put(key, times + 1);
        context.forward(times === 0 ? 'first' : 'again', key, value);
      },
    }),
  }).out;
  const ends = [
    first.to({ name: 'out', topic: out }),
    again.markAsPartitioned().groupByKey({ key: stringSerde }).count({ name: 'repeats' }),
  ];
  await using driver = await createTestDriver({ topology: topology({ work: ends }) });
  await driver.pipe(
    numbersTopic,
    ['a', 'b', 'a', 'a'].map((key, value) => ({ key, value })),
  );
  expect(pairs(await driver.read(out))).toEqual([
    ['a', 0],
    ['b', 1],
  ]);
  const repeats = driver.store<string, { readonly value: number }>('repeats');
  expect((await repeats.get('a')).value).toMatchObject({ value: 2 });
});

test('a reduce keeps the time of its newest record (semantics 9)', async () => {
  const largest = numbers
    .groupByKey({ key: stringSerde })
    .reduce({ name: 'largest', value: integerSerde, reduce: (max, { value }) => Math.max(max, value) });
  await using driver = await createTestDriver({
    topology: topology({ work: [largest.toStream().to({ name: 'out', topic: out })] }),
  });
  const values = [4, 9, 2];
  await driver.pipe(
    numbersTopic,
    values.map((value, at) => ({ key: 'k', value, timestamp: [10, 30, 20][at] as number })),
  );
  expect((await driver.read(out)).map(({ value, timestamp }) => [value, timestamp])).toEqual([
    [4, 10],
    [9, 30],
    [9, 30],
  ]);
});
