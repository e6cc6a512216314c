/**
 * Looks each record of a stream up in a table. The stream decides when there is a result, so this has the time of its record:
 * a table's row holds no matter how old or new it is.
 */

import { OUT } from '../graph/nodes.ts';
import type { StoreSpec } from '../graph/nodes.ts';
import type { GlobalTableNode } from '../graph/nodes.ts';
import type { Processor, ProcessorContext } from '../processor.ts';
import type { StreamRecord } from '../record.ts';
import { dropNullKey, dropNullValue } from './drops.ts';
import type { NoStores, Operator, Out } from './operator.ts';
import type { Timestamped } from './timestamped.ts';

export interface Joining<K, V, T, R> {
  /** Whether a record without a match gives a result too; `to` gets null for its row then. */
  readonly left: boolean;
  readonly to: (record: StreamRecord<K, V>, row: T | null) => R;
}

/** With a table of the same sub-topology, by the record's key. */
export function tableJoining<K, V, T, R>(
  joining: Joining<K, V, T, R>,
): Operator<K, V, K, R, { readonly table: StoreSpec<K, Timestamped<T>> }> {
  return (context) => {
    const { table } = context.stores;
    return lookingUp(context, { ...joining, by: ({ key }) => key, find: (key) => table.get(key)?.value });
  };
}

/** With a global table, by any key that can be made from the record. */
export function globalJoining<K, V, K2, T, R>(
  joining: Joining<K, V, T, R> & { readonly by: (record: StreamRecord<K, V>) => K2 },
): (context: ProcessorContext<Out<K, R>, NoStores, { readonly table: GlobalTableNode<K2, T> }>) => Processor<K, V> {
  return (context) => lookingUp(context, { ...joining, find: (key) => context.tables.table.get(key) });
}

interface LookUp<K, V, K2, T, R> extends Joining<K, V, T, R> {
  readonly by: (record: StreamRecord<K, V>) => K2;
  readonly find: (key: K2) => T | undefined;
}

/** A null value is nothing to join; a null key matches nothing, which only a left join forwards. */
function lookingUp<K, V, K2, T, R>(
  context: Pick<ProcessorContext<Out<K, R>, NoStores>, 'forward' | 'count'>,
  { left, by, find, to }: LookUp<K, V, K2, T, R>,
): Processor<K, V> {
  return {
    process(record) {
      if (record.value === null) return dropNullValue(context);
      const key = by(record);
      const isNull = key === null || key === undefined;
      if (isNull && !left) return dropNullKey(context);
      const row = isNull ? undefined : find(key);
      if (row !== undefined || left) context.forward(OUT, record.key, to(record, row ?? null), record);
    },
  };
}
