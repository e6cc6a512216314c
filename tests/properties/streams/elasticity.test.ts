/** Whatever happens to three instances: once all is healed each record has had its effects exactly once, in the order of its key (semantics 5, 16, 18). */

import fc from 'fast-check';
import { expect, test } from 'vitest';
import {
  defineTopic,
  integerSerde,
  keyValueStore,
  port,
  processor,
  repartition,
  sink,
  source,
  stringSerde,
  topology,
} from 'gavel/streams';
import type { StreamsOptions, Topology } from 'gavel/streams';
import { batchesOf, readNew } from '../../../testing/topic-io.ts';
import { OPERATIONS, World } from './world.ts';

const KEYS = [...'abcde'];

const items = defineTopic({ name: 'items', key: stringSerde, value: stringSerde, partitions: 3 });
const numbered = defineTopic({ name: 'numbered', key: stringSerde, value: stringSerde, partitions: 3 });
const sums = defineTopic({ name: 'sums', key: stringSerde, value: integerSerde, partitions: 1 });

/** Numbers the items of each key, and behind a repartition counts all of them. */
function numbering(): Topology {
  const input = source({ name: 'items', topic: items });
  const number = processor({
    name: 'number',
    from: [input.out],
    ports: { out: port<string, string>() },
    stores: { last: keyValueStore({ name: 'last', key: stringSerde, value: integerSerde, cacheEntries: 2 }) },
    create: (context) => ({
      process({ key, value }) {
        const n = (context.stores.last.get(key) ?? 0) + 1;
        context.stores.last.put(key, n);
        context.forward('out', key, `${n}:${value}`);
      },
    }),
  });
  const together = processor({
    name: 'together',
    from: [number.out.out],
    ports: { out: port<string, string>() },
    create: (context) => ({ process: ({ value }) => context.forward('out', 'all', value) }),
  });
  const all = repartition({
    name: 'all',
    from: [together.out.out],
    key: stringSerde,
    value: stringSerde,
    partitions: 1,
  });
  const sum = processor({
    name: 'sum',
    from: [all.out],
    ports: { out: port<string, number>() },
    stores: { total: keyValueStore({ name: 'total', key: stringSerde, value: integerSerde }) },
    create: (context) => ({
      process({ key }) {
        const n = (context.stores.total.get(key) ?? 0) + 1;
        context.stores.total.put(key, n);
        context.forward('out', key, n);
      },
    }),
  });
  return topology({
    numbering: [sink({ name: 'numbered', from: [number.out.out], topic: numbered }), all],
    summing: [sink({ name: 'sums', from: [sum.out.out], topic: sums })],
  });
}

const instance = fc.integer({ min: 0, max: 2 });
const operation = fc.constantFrom(...OPERATIONS);
const step = fc.oneof(
  {
    weight: 6,
    arbitrary: fc.record({
      do: fc.constant('send' as const),
      keys: fc.array(fc.nat(4), { minLength: 1, maxLength: 12 }),
    }),
  },
  { weight: 5, arbitrary: fc.record({ do: fc.constant('turns' as const), n: fc.integer({ min: 1, max: 12 }) }) },
  {
    weight: 3,
    arbitrary: fc.record({ do: fc.constant('pass' as const), ms: fc.constantFrom(100, 3_500, 12_000, 35_000) }),
  },
  {
    weight: 2,
    arbitrary: fc.record({
      do: fc.constantFrom('start' as const, 'kill' as const, 'pause' as const, 'resume' as const),
      i: instance,
    }),
  },
  {
    weight: 1,
    arbitrary: fc.record({ do: fc.constantFrom('stop' as const, 'fence' as const, 'expire' as const), i: instance }),
  },
  { weight: 1, arbitrary: fc.record({ do: fc.constantFrom('bump' as const, 'rebalance' as const) }) },
  { weight: 3, arbitrary: fc.record({ do: fc.constant('fault' as const), operation, applied: fc.boolean() }) },
  {
    weight: 3,
    arbitrary: fc.record({ do: fc.constant('delay' as const), operation, turns: fc.integer({ min: 1, max: 40 }) }),
  },
);
type Step = typeof step extends fc.Arbitrary<infer T> ? T : never;

/** Sends are numbered over the whole run, so that order and doubles show. */
async function play(world: World, steps: readonly Step[]): Promise<Map<string, string[]>> {
  const sent = new Map<string, string[]>();
  let n = 0;
  const producer = world.broker.producer();
  const send = async (keys: readonly number[]): Promise<void> => {
    const records = keys.map((at) => ({ key: KEYS[at] as string, value: `v${n++}` }));
    for (const { key, value } of records) sent.set(key, [...(sent.get(key) ?? []), value]);
    await producer.produce(batchesOf(items, records, world.clock.now()));
  };
  for (const it of steps) await apply(world, it, send);
  await world.heal();
  return sent;
}

async function apply(world: World, it: Step, send: (keys: readonly number[]) => Promise<void>): Promise<void> {
  const { control } = world.broker;
  switch (it.do) {
    case 'send':
      return send(it.keys);
    case 'turns':
      return world.turns(it.n);
    case 'pass':
      return world.pass(it.ms);
    case 'start':
      return world.start(it.i);
    case 'kill':
      return world.kill(it.i);
    case 'pause':
      return world.pause(it.i);
    case 'resume':
      return world.resume(it.i);
    case 'stop':
      return world.stop(it.i);
    case 'fence':
      return control.fence(`test-${it.i}`);
    case 'expire':
      return world.expire(it.i);
    case 'bump':
      return control.bumpGeneration('test');
    case 'rebalance':
      return control.rebalance('test');
    case 'fault':
      return world.disturb({ kind: 'fault', operation: it.operation, applied: it.applied });
    case 'delay':
      return world.disturb({ kind: 'delay', operation: it.operation, turns: it.turns });
  }
}

async function run(
  steps: readonly Step[],
  options: Partial<StreamsOptions>,
  check: (world: World, sent: Map<string, string[]>) => Promise<void>,
): Promise<void> {
  const world = new World(numbering(), 3, options);
  try {
    await world.createTopics();
    for (let i = 0; i < 3; i++) world.start(i);
    await world.turns(20);
    const sent = await play(world, steps);
    await check(world, sent);
  } finally {
    await world.close();
  }
}

async function byKey(world: World): Promise<Map<string, string[]>> {
  const seen = new Map<string, string[]>();
  for (const { key, value } of await readNew(world.broker, numbered, new Map())) {
    seen.set(key as string, [...(seen.get(key as string) ?? []), value as string]);
  }
  return seen;
}

/** What must never stop an instance: all that the schedule does can be lived with, but a restart while the dead one still stands in the group. */
const BEARABLE = new Set(['FENCED_INSTANCE']);

test('exactly once', async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(step, { minLength: 5, maxLength: 30 }), async (steps) => {
      await run(steps, {}, async (world, sent) => {
        const expected = new Map([...sent].map(([key, list]) => [key, list.map((value, i) => `${i + 1}:${value}`)]));
        expect(await byKey(world)).toEqual(expected);
        const total = [...sent.values()].reduce((sum, list) => sum + list.length, 0);
        const counted = (await readNew(world.broker, sums, new Map())).map(({ value }) => value);
        expect(counted).toEqual(Array.from({ length: total }, (_, i) => i + 1));
        expect(world.failures.filter((code) => !BEARABLE.has(code))).toEqual([]);
      });
    }),
    { numRuns: 250, timeout: 30_000 },
  );
});

test('at least once: nothing is lost, and each key keeps its order', async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(step, { minLength: 5, maxLength: 30 }), async (steps) => {
      await run(steps, { guarantee: 'at-least-once' }, async (world, sent) => {
        const seen = await byKey(world);
        for (const [key, list] of sent) {
          const values = (seen.get(key) ?? []).map((value) => value.slice(value.indexOf(':') + 1));
          expect(new Set(values)).toEqual(new Set(list));
          expect([...new Set(values)]).toEqual(list);
        }
        expect(world.failures.filter((code) => !BEARABLE.has(code))).toEqual([]);
      });
    }),
    { numRuns: 150, timeout: 30_000 },
  );
});
