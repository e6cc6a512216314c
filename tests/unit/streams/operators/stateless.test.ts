import { describe, expect, test } from 'vitest';
import { defineTopic, integerSerde, stream, stringSerde } from 'gavel/streams';
import { OperatorHarness } from '../../../support/operator-harness.ts';

const numbers = stream({ name: 'in', topic: defineTopic({ name: 'in', key: stringSerde, value: integerSerde }) });
const headers = [{ key: 'trace', value: Buffer.from('7') }];

describe('an operator without a store', () => {
  test('filter lets through what the predicate accepts', async () => {
    const odd = new OperatorHarness(numbers.filter({ name: 'odd', where: ({ value }) => value % 2 === 1 }));
    const out = await odd.process(...[1, 2, 3].map((value) => ({ key: 'k', value, timestamp: value })));
    expect(out).toEqual([
      ['k', 1, 1],
      ['k', 3, 3],
    ]);
  });

  test('map, mapValues and selectKey change key, value or both', async () => {
    const record = { key: 'a', value: 2, timestamp: 9 };
    const map = new OperatorHarness(numbers.map({ name: 'm', by: ({ value }) => value, to: ({ key }) => key }));
    expect(await map.process(record)).toEqual([[2, 'a', 9]]);
    const values = new OperatorHarness(
      numbers.mapValues({ name: 'v', to: ({ value, timestamp }) => value + timestamp }),
    );
    expect(await values.process(record)).toEqual([['a', 11, 9]]);
    const key = new OperatorHarness(numbers.selectKey({ name: 's', by: ({ key, value }) => `${key}${value}` }));
    expect(await key.process(record)).toEqual([['a2', 2, 9]]);
  });

  test('flatMap makes any number of records, in order', async () => {
    const times = numbers.flatMap({
      name: 'times',
      to: ({ key, value }) => Array.from({ length: value }, (_, at) => [`${key}${at}`, at]),
    });
    const harness = new OperatorHarness(times);
    expect(await harness.process({ key: 'k', value: 2 }, { key: 'l', value: 0 }, { key: 'm', value: 1 })).toEqual([
      ['k0', 0, 0],
      ['k1', 1, 0],
      ['m0', 0, 0],
    ]);
  });

  test('peek shows each record before it goes on', async () => {
    const seen: unknown[] = [];
    const harness: OperatorHarness = new OperatorHarness(
      numbers.peek({ name: 'peek', run: ({ value }) => seen.push([value, harness.forwarded.length]) }),
    );
    expect(await harness.process({ key: 'k', value: 1 }, { key: 'k', value: 2 })).toHaveLength(2);
    expect(seen).toEqual([
      [1, 0],
      [2, 1],
    ]);
  });

  test('split takes the first branch that accepts, or none', async () => {
    const { small } = numbers.split({
      name: 'split',
      branches: { small: ({ value }) => value < 10, even: ({ value }) => value % 2 === 0 },
    });
    const harness = new OperatorHarness(small);
    await harness.process(...[2, 12, 13].map((value) => ({ key: 'k', value })));
    expect(harness.forwarded.map(({ port, value }) => [port, value])).toEqual([
      ['small', 2],
      ['even', 12],
    ]);
  });

  test('keeps the time and the headers of the record', async () => {
    const all = [
      numbers.filter({ name: 'f', where: () => true }),
      numbers.map({ name: 'm', by: () => 1, to: () => 1 }),
      numbers.mapValues({ name: 'v', to: () => 1 }),
      numbers.selectKey({ name: 's', by: () => 1 }),
      numbers.flatMap({ name: 'x', to: () => [['a', 1]] }),
      numbers.peek({ name: 'p', run: () => {} }),
      numbers.split({ name: 'b', branches: { all: () => true } }).all,
    ];
    for (const operator of all) {
      const harness = new OperatorHarness(operator);
      await harness.process({ key: 'k', value: 1, timestamp: 77, headers });
      expect(harness.forwarded).toMatchObject([{ timestamp: 77, headers }]);
    }
  });
});

test('the key to group by may be missing: such a record is dropped and counted', async () => {
  const grouped = numbers.groupBy({
    name: 'g',
    by: ({ value }) => (value === 0 ? null : String(value)),
    key: stringSerde,
    value: integerSerde,
  });
  const [repartition] = grouped.nodes;
  if (repartition?.kind !== 'repartition') throw new Error('groupBy makes a repartition');
  const [edge] = repartition.from;
  if (edge?.node.kind !== 'processor') throw new Error('a step sets the key');
  const harness = new OperatorHarness(edge.node);
  expect(await harness.process({ key: 'k', value: 0 }, { key: 'k', value: 5, timestamp: 3 })).toEqual([['5', 5, 3]]);
  expect(harness.counts).toEqual({ 'records_dropped_total{reason="null_key"}': 1 });
});
