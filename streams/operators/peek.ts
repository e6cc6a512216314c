/** Shows each record to a function and passes it on. */

import { OUT } from '../graph/nodes.ts';
import type { StreamRecord } from '../record.ts';
import type { Operator } from './operator.ts';

export function peeking<K, V>(run: (record: StreamRecord<K, V>) => void): Operator<K, V, K, V> {
  return (context) => ({
    process(record) {
      run(record);
      context.forward(OUT, record.key, record.value, record);
    },
  });
}
