import { describe, expect, test } from 'vitest';
import { defineTopic, globalTable, integerSerde, jsonSerde, stream, stringSerde, table } from 'gavel/streams';
import { OperatorHarness } from '../../../support/operator-harness.ts';

const topic = defineTopic({ name: 'in', key: stringSerde, value: integerSerde });
const numbers = stream({ name: 'in', topic });
const serdes = { key: stringSerde, value: integerSerde };
const grouped = numbers.groupByKey({ key: stringSerde });
const dropped = (reason: string): string => `records_dropped_total{reason="${reason}"}`;

describe('a table of latest values (semantics 13)', () => {
  test('puts, deletes on null, and forwards both', async () => {
    const harness = new OperatorHarness(table({ name: 't', topic }));
    expect(await harness.process({ key: 'a', value: 1, timestamp: 5 })).toEqual([['a', 1, 5]]);
    expect(harness.store('t').get('a')).toEqual({ value: 1, timestamp: 5 });
    expect(await harness.process({ key: 'a', value: null, timestamp: 6 })).toEqual([['a', null, 6]]);
    expect(harness.store('t').get('a')).toBeUndefined();
  });

  test('drops and counts a null key, also with a null value', async () => {
    const harness = new OperatorHarness(numbers.toTable({ ...serdes, name: 't' }));
    expect(await harness.process({ key: null, value: 1 }, { key: null, value: null })).toEqual([]);
    expect(harness.counts).toEqual({ [dropped('null_key')]: 2 });
  });

  test('takes updates in the order of offsets, not of times', async () => {
    const harness = new OperatorHarness(table({ name: 't', topic }));
    await harness.process({ key: 'a', value: 1, timestamp: 9 }, { key: 'a', value: 2, timestamp: 3 });
    expect(harness.store('t').get('a')).toEqual({ value: 2, timestamp: 3 });
  });
});

describe('an aggregate', () => {
  test('counts, reduces and folds', async () => {
    const records = [3, 1, 2].map((value, at) => ({ key: 'a', value, timestamp: at }));
    const count = new OperatorHarness(grouped.count({ name: 'c' }));
    expect((await count.process(...records)).map(([, value]) => value)).toEqual([1, 2, 3]);
    const max = new OperatorHarness(
      grouped.reduce({ name: 'r', value: integerSerde, reduce: (max, { value }) => Math.max(max, value) }),
    );
    expect((await max.process(...records)).map(([, value]) => value)).toEqual([3, 3, 3]);
    const list = new OperatorHarness(
      grouped.aggregate({
        name: 'l',
        value: jsonSerde<readonly number[]>(),
        initial: () => [],
        add: (list, { value }) => [...list, value],
      }),
    );
    expect((await list.process(...records)).map(([, value]) => value)).toEqual([[3], [3, 1], [3, 1, 2]]);
  });

  test('has the time of its newest record (semantics 9)', async () => {
    const harness = new OperatorHarness(grouped.count({ name: 'c' }));
    const out = await harness.process(...[10, 4, 12].map((timestamp) => ({ key: 'a', value: 1, timestamp })));
    expect(out).toEqual([
      ['a', 1, 10],
      ['a', 2, 10],
      ['a', 3, 12],
    ]);
  });

  test('drops and counts null keys and null values', async () => {
    const harness = new OperatorHarness(grouped.count({ name: 'c' }));
    expect(await harness.process({ key: null, value: 1 }, { key: 'a', value: null })).toEqual([]);
    expect(harness.counts).toEqual({ [dropped('null_key')]: 1, [dropped('null_value')]: 1 });
  });

  test('deletes its row on null, and begins again with the time of the next record', async () => {
    const untilThree = grouped.aggregate({
      name: 'a',
      value: integerSerde,
      initial: () => 0,
      add: (sum, { value }) => (sum + value >= 3 ? null : sum + value),
    });
    const harness = new OperatorHarness(untilThree);
    const out = await harness.process(
      { key: 'a', value: 1, timestamp: 8 },
      { key: 'a', value: 2, timestamp: 2 },
      { key: 'a', value: 1, timestamp: 1 },
    );
    expect(out).toEqual([
      ['a', 1, 8],
      ['a', null, 8],
      ['a', 1, 1],
    ]);
  });
});

describe('caching (semantics 21)', () => {
  const cached = (cacheEntries: number): OperatorHarness =>
    new OperatorHarness(grouped.count({ name: 'c', cached: true, cacheEntries }));
  const headers = [{ key: 'h', value: Buffer.from('last') }];

  test('forwards at the cut: once per key, the latest value, in the context of the latest update', async () => {
    const harness = cached(10);
    const out = await harness.process(
      { key: 'a', value: 1, timestamp: 1 },
      { key: 'b', value: 1, timestamp: 2 },
      { key: 'a', value: 1, timestamp: 3, headers },
    );
    expect(out).toEqual([]);
    expect(harness.store('c').get('a')).toEqual({ value: 2, timestamp: 3 });
    harness.cut();
    expect(harness.since(0)).toEqual([
      ['b', 1, 2],
      ['a', 2, 3],
    ]);
    expect(harness.forwarded[1]?.headers).toEqual(headers);
    harness.cut();
    expect(harness.forwarded).toHaveLength(2);
  });

  test('makes room by forwarding the key updated longest ago', async () => {
    const harness = cached(2);
    const out = await harness.process(...['a', 'b', 'a', 'c'].map((key, timestamp) => ({ key, value: 1, timestamp })));
    expect(out).toEqual([['b', 1, 1]]);
    harness.cut();
    expect(harness.since(1)).toEqual([
      ['a', 2, 2],
      ['c', 1, 3],
    ]);
  });

  const inWindows = grouped.windowedBy({ sizeMs: 10, graceMs: 0 });
  const rolledBack = {
    'an aggregate': grouped.count({ name: 'c', cached: true }),
    'an aggregate by window': inWindows.count({ name: 'w', cached: true }),
    'a table': numbers.toTable({ ...serdes, name: 't', cached: true }),
  };

  test.each(Object.entries(rolledBack))('%s forgets what was held when the epoch is rolled back', async (_, end) => {
    const harness = new OperatorHarness(end);
    await harness.process({ key: 'a', value: 1 }, { key: 'b', value: 1 });
    harness.rollback();
    await harness.process({ key: 'a', value: 1, timestamp: 4 });
    harness.cut();
    expect(harness.forwarded).toMatchObject([{ value: 1, timestamp: 4 }]);
  });

  test('holds windows apart, and deletions too', async () => {
    const windows = new OperatorHarness(
      grouped.windowedBy({ sizeMs: 10, graceMs: 100 }).aggregate({
        name: 'w',
        cached: true,
        value: integerSerde,
        initial: () => 0,
        add: (sum, { value }) => (value === 0 ? null : sum + value),
      }),
    );
    await windows.process(
      { key: 'a', value: 1, timestamp: 5 },
      { key: 'a', value: 2, timestamp: 15 },
      { key: 'a', value: 0, timestamp: 6 },
    );
    windows.cut();
    expect(windows.since(0)).toEqual([
      [{ key: 'a', start: 10, end: 20 }, 2, 15],
      [{ key: 'a', start: 0, end: 10 }, null, 6],
    ]);
  });
});

describe('a join with a global table', () => {
  const names = globalTable({
    name: 'names',
    topic: defineTopic({ name: 'n', key: integerSerde, value: stringSerde }),
  });
  const tables = { table: new Map([[1, 'one']]) };
  const records = [
    { key: 'a', value: 1, timestamp: 7 },
    { key: 'b', value: 2, timestamp: 8 },
    { key: 'c', value: -1, timestamp: 9 },
    { key: 'd', value: null },
  ];
  const by = ({ value }: { readonly value: number }): number | null => (value < 0 ? null : value);

  test('finds rows by any key; the others go nowhere', async () => {
    const joined = numbers.joinGlobal({ name: 'j', table: names, by, to: ({ key }, row) => `${key}-${row}` });
    const harness = new OperatorHarness(joined, tables);
    expect(await harness.process(...records)).toEqual([['a', 'a-one', 7]]);
    expect(harness.counts).toEqual({ [dropped('null_key')]: 1, [dropped('null_value')]: 1 });
  });

  test('gives every record with a value a result where it is a left join', async () => {
    const joined = numbers.leftJoinGlobal({ name: 'j', table: names, by, to: ({ key }, row) => `${key}-${row}` });
    const harness = new OperatorHarness(joined, tables);
    expect(await harness.process(...records)).toEqual([
      ['a', 'a-one', 7],
      ['b', 'b-null', 8],
      ['c', 'c-null', 9],
    ]);
    expect(harness.counts).toEqual({ [dropped('null_value')]: 1 });
  });
});
