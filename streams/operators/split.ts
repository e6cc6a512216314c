/** Sends each record to the first branch that accepts it; one that no branch accepts goes nowhere. */

import type { NoTables, Processor, ProcessorContext } from '../processor.ts';
import type { StreamRecord } from '../record.ts';
import type { NoStores } from './operator.ts';

export type Branches<K, V> = { readonly [branch: string]: (record: StreamRecord<K, V>) => boolean };

/** One port per branch. */
export type BranchPorts<K, V> = { readonly [branch: string]: readonly [K, V] };

export function splitting<K, V>(
  branches: Branches<K, V>,
): (context: ProcessorContext<BranchPorts<K, V>, NoStores, NoTables>) => Processor<K, V> {
  const entries = Object.entries(branches);
  return (context) => ({
    process(record) {
      for (const [branch, accepts] of entries) {
        if (accepts(record)) return context.forward(branch, record.key, record.value, record);
      }
    },
  });
}
