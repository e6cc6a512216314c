/** A small topology for engine tests: counts words, then re-keys the counts by their parity and sums them up. */

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
import type { Topology } from 'gavel/streams';

export const words = defineTopic({ name: 'words', key: stringSerde, value: stringSerde, partitions: 3 });
export const counts = defineTopic({ name: 'counts', key: stringSerde, value: integerSerde, partitions: 3 });
export const parities = defineTopic({ name: 'parities', key: stringSerde, value: integerSerde, partitions: 3 });

/** Counts of a word, and how many counts were even and odd; the value `poison` throws. */
export function countingTopology(): Topology {
  const input = source({ name: 'words', topic: words });
  const totals = keyValueStore({ name: 'totals', key: stringSerde, value: integerSerde, cacheEntries: 8 });
  const count = processor({
    name: 'count',
    from: [input.out],
    ports: { counted: port<string, number>() },
    stores: { totals },
    create: (context) => ({
      process({ key, value }) {
        if (value === 'poison') throw new Error('poison');
        const total = (context.stores.totals.get(key) ?? 0) + 1;
        context.stores.totals.put(key, total);
        context.forward('counted', key, total);
      },
    }),
  });
  const rekey = processor({
    name: 'rekey',
    from: [count.out.counted],
    ports: { out: port<string, number>() },
    create: (context) => ({ process: ({ value }) => context.forward('out', value % 2 === 0 ? 'even' : 'odd', 1) }),
  });
  const byParity = repartition({ name: 'by-parity', from: [rekey.out.out], key: stringSerde, value: integerSerde });
  const sums = keyValueStore({ name: 'sums', key: stringSerde, value: integerSerde });
  const sum = processor({
    name: 'sum',
    from: [byParity.out],
    ports: { out: port<string, number>() },
    stores: { sums },
    create: (context) => ({
      process({ key, value }) {
        const total = (context.stores.sums.get(key) ?? 0) + value;
        context.stores.sums.put(key, total);
        context.forward('out', key, total);
      },
    }),
  });
  return topology({
    counter: [sink({ name: 'counts', from: [count.out.counted], topic: counts }), byParity],
    parity: [sink({ name: 'parities', from: [sum.out.out], topic: parities })],
  });
}
