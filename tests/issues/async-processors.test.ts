/** Steps that answer promises: their effects belong to the record, wake or cut that began them, whatever fails beside them. */

import { expect, test } from 'vitest';
import { port, processor, sink, source, topology } from 'gavel/streams';
import type { Topology } from 'gavel/streams';
import { createTestDriver } from 'gavel/testing';
import { input, output, pairs, rows, stepTopology, values } from '../unit/streams/runtime/support.ts';

const turns = async (n: number): Promise<void> => {
  for (let i = 0; i < n; i++) await Promise.resolve();
};

/** `fails` and `writes` both get every record; the second puts and forwards some turns later. */
function beside(fails: (value: string) => void | Promise<void>): Topology {
  const records = source({ name: 'in', topic: input });
  const writing = processor({
    name: 'writes',
    from: [records.out],
    ports: { out: port<string, string>() },
    stores: { rows },
    create: (context) => ({
      async process({ key, value }) {
        await turns(20);
        context.stores.rows.put(key, value);
        context.forward('out', key, value);
      },
    }),
  });
  const failing = processor({
    name: 'fails',
    from: [records.out],
    ports: {},
    create: () => ({ process: ({ value }) => fails(value) }),
  });
  return topology({ step: [failing, sink({ name: 'out', from: [writing.out.out], topic: output })] });
}

const poisoned = [
  { key: 'a', value: 'before' },
  { key: 'b', value: 'poison' },
  { key: 'c', value: 'after' },
];

test.each([
  ['rejects', (value: string) => (value === 'poison' ? Promise.reject(new Error('poison')) : undefined)],
  [
    'throws',
    (value: string) => {
      if (value === 'poison') throw new Error('poison');
    },
  ],
])('what another step of the record still does after one %s is dropped with it', async (_, fails) => {
  await using driver = await createTestDriver({
    topology: beside(fails),
    options: { handlers: { processing: () => 'skip' } },
  });
  await driver.pipe(input, poisoned);
  expect(pairs(await driver.read(output))).toEqual([
    ['a', 'before'],
    ['c', 'after'],
  ]);
  expect((await driver.store('rows').get('b')).value).toBeUndefined();
});

test('a step behind one that waits still belongs to the record', async () => {
  const records = source({ name: 'in', topic: input });
  const first = processor({
    name: 'first',
    from: [records.out],
    ports: { out: port<string, string>() },
    create: (context) => ({
      async process({ key, value }) {
        await turns(3);
        context.forward('out', key, value);
      },
    }),
  });
  const offsets: number[] = [];
  const second = processor({
    name: 'second',
    from: [first.out.out],
    ports: { out: port<string, string>() },
    create: (context) => ({
      async process({ key, value, offset }) {
        await turns(3);
        if (value === 'refused') context.deadLetter('refused', 'by the second step');
        context.forward('out', key, value);
        offsets.push(offset);
      },
    }),
  });
  const third = processor({
    name: 'third',
    from: [second.out.out],
    ports: { out: port<string, string>() },
    create: (context) => ({
      process({ key, value, offset }) {
        offsets.push(offset);
        context.forward('out', key, value);
      },
    }),
  });
  await using driver = await createTestDriver({
    topology: topology({ step: [sink({ name: 'out', from: [third.out.out], topic: output })] }),
  });
  await driver.pipe(input, [
    { key: 'a', value: 'taken' },
    { key: 'b', value: 'refused' },
  ]);
  expect(values(await driver.read(output))).toEqual(['taken', 'refused']);
  expect(offsets).toEqual([0, 0, 1, 1]);
  expect(await driver.readDeadLetters(input)).toHaveLength(1);
});

test('a step that waits behind what the cut flushes is part of the epoch', async () => {
  const records = source({ name: 'in', topic: input });
  const holding = processor({
    name: 'holding',
    from: [records.out],
    ports: { out: port<string, string>() },
    create: (context) => {
      const held = new Map<string, string>();
      return {
        process: ({ key, value }) => void held.set(key, value),
        flush() {
          for (const [key, value] of held) context.forward('out', key, value);
          held.clear();
        },
        rollback: () => held.clear(),
      };
    },
  });
  const waiting = processor({
    name: 'waiting',
    from: [holding.out.out],
    ports: { out: port<string, string>() },
    stores: { rows },
    create: (context) => ({
      async process({ key, value }) {
        await turns(20);
        context.stores.rows.put(key, value);
        context.forward('out', key, value);
      },
    }),
  });
  await using driver = await createTestDriver({
    topology: topology({ step: [sink({ name: 'out', from: [waiting.out.out], topic: output })] }),
  });
  // The first epoch's commit tells the offset; what was flushed for it must be in the same transaction.
  const committed: number[] = [];
  driver.broker.control.intercept((call) => {
    if (call.operation === 'commit') committed.push(committed.length);
    return undefined;
  });
  await driver.pipe(input, [{ key: 'a', value: 'x' }]);
  expect(values(await driver.read(output))).toEqual(['x']);
  expect((await driver.store('rows').get('a')).value).toBe('x');
  // One commit tells the start positions, one carries the record and what it left.
  expect(committed).toHaveLength(1);
});

test('a promise left behind by a wake or punctuation that throws does not go unhandled', async () => {
  const topologyOf = stepTopology((context) => {
    context.schedule({
      kind: 'stream',
      intervalMs: 1_000,
      run: async () => {
        await turns(5);
        throw new Error('late punctuation');
      },
    });
    return { process: ({ key, value }) => context.forward('out', key, value) };
  });
  const driver = await createTestDriver({ topology: topologyOf, options: { handlers: { processing: () => 'skip' } } });
  await driver.send(input, [{ key: 'a', value: 'x' }]);
  await expect(driver.settle()).rejects.toMatchObject({ code: 'PROCESSING_FAILED' });
  await driver.close();
});
