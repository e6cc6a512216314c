/** Makes one record out of each: another key, another value, or both. Time and headers stay. */

import { OUT } from '../graph/nodes.ts';
import type { StreamRecord } from '../record.ts';
import type { Operator } from './operator.ts';

export function mapping<K, V, K2, V2>(
  by: (record: StreamRecord<K, V>) => K2,
  to: (record: StreamRecord<K, V>) => V2,
): Operator<K, V, K2, V2> {
  return (context) => ({
    process(record) {
      context.forward(OUT, by(record), to(record), record);
    },
  });
}

export function mappingValues<K, V, V2>(to: (record: StreamRecord<K, V>) => V2): Operator<K, V, K, V2> {
  return (context) => ({
    process(record) {
      context.forward(OUT, record.key, to(record), record);
    },
  });
}

export function selectingKey<K, V, K2>(by: (record: StreamRecord<K, V>) => K2): Operator<K, V, K2, V> {
  return (context) => ({
    process(record) {
      context.forward(OUT, by(record), record.value, record);
    },
  });
}
