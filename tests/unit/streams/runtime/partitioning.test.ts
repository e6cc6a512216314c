/** Where records go, and what must be partitioned alike (semantics 25). */

import { expect, test } from 'vitest';
import { partitionOf, port, processor, serializeToBuffer, sink, source, stringSerde, topology } from 'gavel/streams';
import { createTestDriver } from 'gavel/testing';
import { input, stepTopology, textTopic } from './support.ts';

const five = textTopic({ name: 'five', partitions: 5 });
const keys = Array.from({ length: 40 }, (_, i) => `key-${i}`);

test('a sink chooses the partition by the hash of the key bytes', async () => {
  await using driver = await createTestDriver({
    topology: stepTopology(({ forward }) => ({ process: ({ key, value }) => forward('out', key, value) }), {
      to: five,
    }),
  });
  await driver.pipe(
    input,
    keys.map((key) => ({ key, value: 'x' })),
  );
  const records = await driver.read(five);
  expect(records).toHaveLength(keys.length);
  for (const { key, partition } of records)
    expect(partition).toBe(partitionOf(serializeToBuffer(stringSerde, key as string), 5));
  expect(new Set(records.map(({ partition }) => partition)).size).toBe(5);
});

test('a partitioner of the author stands above it, and records without a key stay in the partition of their task', async () => {
  const from = textTopic({ name: 'from', partitions: 2 });
  const step = processor({
    name: 'step',
    from: [source({ name: 'from', topic: from }).out],
    ports: { out: port<string, string>(), keyless: port<null, string>() },
    create: ({ forward }) => ({
      process({ key, value }) {
        forward('out', key, value);
        forward('keyless', null, value);
      },
    }),
  });
  const chosen = sink({ name: 'chosen', from: [step.out.out], topic: five, partitioner: (key) => Number(key.at(-1)) });
  const keyless = textTopic({ name: 'keyless', partitions: 5 });
  const plain = sink({ name: 'plain', from: [step.out.keyless], topic: keyless as never });
  await using driver = await createTestDriver({ topology: topology({ step: [chosen, plain] }) });
  await driver.pipe(from, [
    { key: 'to 4', value: 'x', partition: 0 },
    { key: 'to 2', value: 'y', partition: 1 },
  ]);
  expect((await driver.read(five)).map(({ key, partition }) => [key, partition])).toEqual([
    ['to 2', 2],
    ['to 4', 4],
  ]);
  expect((await driver.read(keyless)).map(({ value, partition }) => [value, partition])).toEqual([
    ['x', 0],
    ['y', 1],
  ]);
});

test('inputs of one sub-topology that are partitioned differently are refused before anything starts', () => {
  const join = processor({
    name: 'join',
    from: [source({ name: 'in', topic: input }).out, source({ name: 'five', topic: five }).out],
    ports: {},
    create: () => ({ process: () => undefined }),
  });
  expect(() => topology({ join: [join] })).toThrow(/different partition counts/);
});

test('a topic that exists with another count of partitions is refused at the start', async () => {
  const driver = await createTestDriver({ topology: stepTopology(() => ({ process: () => undefined })), instances: 0 });
  const wider = textTopic({ name: input.name, partitions: 7 });
  const other = createTestDriver({
    topology: stepTopology(() => ({ process: () => undefined }), { from: wider }),
    broker: driver.broker,
    clock: driver.clock,
  });
  await expect(other).rejects.toMatchObject({ code: 'TOPIC_MISMATCH' });
  await driver.close();
});
