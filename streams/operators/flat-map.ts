/** Makes any number of records out of each, in the order given. Time and headers stay. */

import { OUT } from '../graph/nodes.ts';
import type { StreamRecord } from '../record.ts';
import type { Operator } from './operator.ts';

export function flatMapping<K, V, K2, V2>(
  to: (record: StreamRecord<K, V>) => Iterable<readonly [K2, V2]>,
): Operator<K, V, K2, V2> {
  return (context) => ({
    process(record) {
      for (const [key, value] of to(record)) context.forward(OUT, key, value, record);
    },
  });
}
