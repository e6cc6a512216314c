/** A topology of one source gives the same outputs however its fetches, commits, failures and restarts fall (DESIGN: "What replay promises"). */

import fc from 'fast-check';
import { expect, test } from 'vitest';
import { jsonSerde, keyValueStore, port, processor, sink, source, stringSerde, topology } from 'gavel/streams';
import type { Topology } from 'gavel/streams';
import { createTestDriver } from 'gavel/testing';
import { textTopic } from '../../unit/streams/runtime/support.ts';

const events = textTopic({ name: 'events' });
const results = textTopic({ name: 'results' });

interface Open {
  readonly count: number;
  readonly closes: number;
}

/** Everything that may be woken, punctuated or scanned: sessions per key that close a while after their first record. */
function sessions(): Topology {
  const open = keyValueStore<string, Open>({
    name: 'open',
    key: stringSerde,
    value: jsonSerde<Open>(),
    indexes: { closes: (_, { closes }) => closes },
    cacheEntries: 2,
  });
  const step = processor({
    name: 'sessions',
    from: [source({ name: 'events', topic: events }).out],
    ports: { out: port<string, string>() },
    stores: { open },
    create: (context) => {
      context.schedule({
        kind: 'stream',
        intervalMs: 50,
        run: (time) => context.forward('out', 'tick', `tick ${time}`),
      });
      return {
        process({ key, value, timestamp }) {
          if (value === 'poison') throw new Error('poison');
          const session = context.stores.open.get(key);
          const closes = session?.closes ?? timestamp + 30;
          context.stores.open.put(key, { count: (session?.count ?? 0) + 1, closes });
          context.wakeAt(closes);
          context.forward('out', key, `${value} at ${context.streamTime}`);
          if (value !== 'list') return undefined;
          return (async () => {
            const keys: string[] = [];
            for await (const entry of context.stores.open.scan()) keys.push(`${entry.key}${entry.value.count}`);
            context.forward('out', 'list', keys.join());
          })();
        },
        async wake(time, limit) {
          for (const { key, value } of await context.stores.open.scanIndex('closes', { lte: time, limit })) {
            context.stores.open.delete(key);
            context.forward('out', key, `closed with ${value.count} at ${time}`);
          }
          return context.stores.open.firstOrder('closes');
        },
      };
    },
  });
  return topology({ sessions: [sink({ name: 'results', from: [step.out.out], topic: results })] });
}

const event = fc.record({
  key: fc.constantFrom(...'abcdef'),
  value: fc.constantFrom('x', 'x', 'x', 'y', 'list', 'poison'),
  step: fc.integer({ min: -10, max: 25 }),
});
const way = fc.record({
  sizes: fc.array(fc.integer({ min: 1, max: 15 }), { minLength: 1, maxLength: 6 }),
  delays: fc.array(fc.integer({ min: 0, max: 6 }), { maxLength: 20 }),
  options: fc.record({
    bufferedBytesMax: fc.constantFrom(200, 2_000, 4_194_304),
    commitIntervalMs: fc.constantFrom(0, 20, 1_000),
    stagedRowsMax: fc.constantFrom(1, 7, 50_000),
  }),
  killAt: fc.array(fc.nat(60), { maxLength: 2 }),
});
type Way = typeof way extends fc.Arbitrary<infer T> ? T : never;
type Event = { readonly key: string; readonly value: string; readonly timestamp: number };

async function play(given: readonly Event[], { sizes, delays, options, killAt }: Way): Promise<unknown[]> {
  const driver = await createTestDriver({
    topology: sessions(),
    options: { ...options, handlers: { processing: () => 'skip' } },
  });
  let fetches = 0;
  driver.broker.control.intercept(async ({ operation, topic }) => {
    if (operation !== 'fetch' || topic !== events.name) return;
    for (let turns = delays[fetches++ % Math.max(1, delays.length)] ?? 0; turns > 0; turns--)
      await new Promise<void>((resolve) => void setImmediate(resolve));
  });
  let at = 0;
  for (let i = 0; at < given.length; i++) {
    const size = sizes[i % sizes.length] as number;
    await driver.send(events, given.slice(at, at + size));
    for (let turns = size % 4; turns > 0; turns--) await new Promise<void>((resolve) => void setImmediate(resolve));
    if (killAt.some((kill) => at <= kill && kill < at + size)) {
      await driver.kill(0);
      await driver.start(0);
    }
    at += size;
  }
  // A fetch that is held back is no work under way for `settle`.
  const partition = [{ topic: events.name, partition: 0 }];
  const [end] = await driver.broker.listOffsets(partition, 'latest');
  while ((await driver.broker.groups.listOffsets('test')).every(({ offset }) => offset !== end?.offset))
    await driver.settle();
  const found = await driver.read(results);
  await driver.close();
  // What a killed instance scheduled begins again at the next record, as documented: ticks are no part of it.
  const records = killAt.length > 0 ? found.filter(({ key }) => key !== 'tick') : found;
  return records.map(({ key, value, timestamp }) => [key, value, timestamp]);
}

const plain: Way = {
  sizes: [1_000],
  delays: [],
  options: { bufferedBytesMax: 4_194_304, commitIntervalMs: 20, stagedRowsMax: 50_000 },
  killAt: [],
};

test('any interleaving gives the outputs of a plain run', async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(event, { minLength: 5, maxLength: 60 }), way, async (steps, other) => {
      let timestamp = 1_000;
      const given = steps.map(({ key, value, step }) => ({ key, value, timestamp: (timestamp += step) }));
      const expected = await play(given, plain);
      const wanted =
        other.killAt.length > 0 ? expected.filter((record) => (record as [string])[0] !== 'tick') : expected;
      expect(await play(given, other)).toEqual(wanted);
    }),
    { numRuns: 300, timeout: 30_000 },
  );
});
