/** Lets through the records that a predicate accepts. */

import { OUT } from '../graph/nodes.ts';
import type { StreamRecord } from '../record.ts';
import type { Operator } from './operator.ts';

export function filtering<K, V>(where: (record: StreamRecord<K, V>) => boolean): Operator<K, V, K, V> {
  return (context) => ({
    process(record) {
      if (where(record)) context.forward(OUT, record.key, record.value, record);
    },
  });
}
