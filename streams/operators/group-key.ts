/** Gives each record the key to group it by; one without such a key is dropped and counted. */

import { OUT } from '../graph/nodes.ts';
import type { StreamRecord } from '../record.ts';
import { dropNullKey } from './drops.ts';
import type { Operator } from './operator.ts';

export function groupingBy<K, V, K2>(by: (record: StreamRecord<K, V>) => K2): Operator<K, V, K2, V> {
  return (context) => ({
    process(record) {
      const key = by(record);
      if (key === null || key === undefined) dropNullKey(context);
      else context.forward(OUT, key, record.value, record);
    },
  });
}
