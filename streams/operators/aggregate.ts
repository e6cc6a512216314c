/** Folds the records of each key into one row (semantics 9, 13, 21). */

import type { StoreSpec } from '../graph/nodes.ts';
import { dropNullKey, dropNullValue } from './drops.ts';
import type { Fold } from './fold.ts';
import { forwardsOf } from './held-forwards.ts';
import type { CachingOptions } from './held-forwards.ts';
import type { Operator } from './operator.ts';
import type { Timestamped } from './timestamped.ts';

export type RowStores<K, A> = { readonly rows: StoreSpec<K, Timestamped<A>> };

export function aggregating<K, V, A>(
  fold: Fold<K, V, A>,
  caching: CachingOptions<K>,
): Operator<K, V, K, A | null, RowStores<K, A>> {
  return (context) => {
    const { rows } = context.stores;
    const forwards = forwardsOf<K, A | null>(context, caching);
    return {
      process(record) {
        const { key } = record;
        if (key === null || key === undefined) return dropNullKey(context);
        if (record.value === null) return dropNullValue(context);
        const row = rows.get(key);
        const value = fold(row?.value, record);
        const timestamp = row === undefined ? record.timestamp : Math.max(row.timestamp, record.timestamp);
        if (value === null) rows.delete(key);
        else rows.put(key, { value, timestamp });
        forwards.forward(key, value, timestamp === record.timestamp ? record : { timestamp, headers: record.headers });
      },
      flush: () => forwards.flush(),
      rollback: () => forwards.rollback(),
    };
  };
}
