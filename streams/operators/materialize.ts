/** Keeps the latest value of each key as a table (semantics 13, 21): the order of offsets decides, not that of times. */

import { dropNullKey } from './drops.ts';
import type { RowStores } from './aggregate.ts';
import { forwardsOf } from './held-forwards.ts';
import type { CachingOptions } from './held-forwards.ts';
import type { Operator } from './operator.ts';

/** What a table never holds: null deletes. */
export type NonNull<V> = Exclude<V, null>;

export function materializing<K, V>(
  caching: CachingOptions<K>,
): Operator<K, V, K, NonNull<V> | null, RowStores<K, NonNull<V>>> {
  return (context) => {
    const { rows } = context.stores;
    const forwards = forwardsOf<K, NonNull<V> | null>(context, caching);
    return {
      process(record) {
        const { key, timestamp } = record;
        const value = record.value as NonNull<V> | null;
        if (key === null || key === undefined) return dropNullKey(context);
        if (value === null) rows.delete(key);
        else rows.put(key, { value, timestamp });
        forwards.forward(key, value, record);
      },
      flush: () => forwards.flush(),
      rollback: () => forwards.rollback(),
    };
  };
}
