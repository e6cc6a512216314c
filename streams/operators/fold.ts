/** How a table takes in one more record: the three ways to aggregate are the same step with another fold. */

import type { StreamRecord } from '../record.ts';

/** From the value so far (undefined: none) to the next one; null deletes the row. */
export type Fold<K, V, A> = (current: A | undefined, record: StreamRecord<K, V>) => A | null;

export function countFold(current: number | undefined): number {
  return (current ?? 0) + 1;
}

export function reduceFold<K, V>(reduce: (current: V, record: StreamRecord<K, V>) => V): Fold<K, V, V> {
  return (current, record) => (current === undefined ? record.value : reduce(current, record));
}

export function aggregateFold<K, V, A>(
  initial: () => A,
  add: (current: A, record: StreamRecord<K, V>) => A | null,
): Fold<K, V, A> {
  return (current, record) => add(current ?? initial(), record);
}
