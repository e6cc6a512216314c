/** Kafka Streams' own test vectors, on the engine. */

import { readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { defineTopic, stream, stringSerde, table, topology, windowedSerde } from 'gavel/streams';
import { createTestDriver } from 'gavel/testing';

interface JoinVectors {
  /** Side, key, value, time. */
  readonly input: readonly (readonly ['L' | 'R', number, string | null, number])[];
  /** What each input gives, as key, value and time, by test. */
  readonly cases: { readonly [test: string]: readonly (readonly (readonly [number, string, number])[])[] };
}

type Step =
  | readonly ['in', string, string, string, number]
  | readonly ['out', string, readonly (readonly [{ readonly key: string; readonly start: number }, string, number])[]];

function load<T>(name: string): T {
  return JSON.parse(readFileSync(new URL(`vectors/${name}.json`, import.meta.url), 'utf8')) as T;
}

const topicOf = (name: string) => defineTopic({ name, key: stringSerde, value: stringSerde, partitions: 1 });

describe('StreamTableJoinIntegrationTest', () => {
  const { input, cases } = load<JoinVectors>('stream-table-join');
  const [left, right, out] = [topicOf('left'), topicOf('right'), topicOf('out')];
  const lefts = stream({ name: 'left', topic: left });
  const rights = table({ name: 'right', topic: right });
  const to = ({ value }: { readonly value: string }, row: string | null): string => `${value}-${row}`;
  const joins = {
    testInner: lefts.join({ name: 'joined', table: rights, to }),
    testLeft: lefts.leftJoin({ name: 'joined', table: rights, to }),
  };

  test.each(Object.entries(joins))('%s', async (name, joined) => {
    await using driver = await createTestDriver({
      topology: topology({ join: [joined.to({ name: 'out', topic: out })] }),
    });
    const got: unknown[] = [];
    for (const [side, key, value, timestamp] of input) {
      await driver.pipe(side === 'L' ? left : right, [{ key: String(key), value, timestamp }]);
      got.push((await driver.read(out)).map((record) => [Number(record.key), record.value, record.timestamp]));
    }
    expect(got).toEqual(cases[name]);
  });
});

test('KStreamWindowAggregateTest.testAggBasic', async () => {
  const { steps } = load<{ readonly steps: readonly Step[] }>('window-aggregate');
  const input = topicOf('input');
  const out = defineTopic({ name: 'out', key: windowedSerde(stringSerde, 10), value: stringSerde, partitions: 1 });
  const sums = stream({ name: 'input', topic: input })
    .groupByKey({ key: stringSerde })
    .windowedBy({ sizeMs: 10, advanceMs: 5, graceMs: 100 })
    .aggregate({ name: 'sums', value: stringSerde, initial: () => '0', add: (sum, { value }) => `${sum}+${value}` });
  await using driver = await createTestDriver({
    topology: topology({ sums: [sums.toStream().to({ name: 'out', topic: out })] }),
  });
  const expected = steps.flatMap((step) => (step[0] === 'out' ? step[2] : []));
  for (const step of steps) {
    if (step[0] === 'in') await driver.pipe(input, [{ key: step[2], value: step[3], timestamp: step[4] }]);
  }
  const got = (await driver.read(out)).map(({ key, value, timestamp }) => [key, value, timestamp]);
  expect(got).toEqual(expected);
});
