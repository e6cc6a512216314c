/** Interactive queries: the committed view of a store over the tasks that this instance has. */

import { GavelError } from '../errors.ts';
import type { Entry, ScanOptions } from '../processor.ts';
import { partitionKey } from '../broker.ts';
import type { Instance } from './instance.ts';
import { partitionCounts } from './internal-topics.ts';
import type { RunningTask } from './running-task.ts';
import type { TaskStore } from './task-store.ts';

/** A value with where its task stood. */
export interface StoreAnswer<V> {
  /** Undefined where no local task has the key. */
  readonly value: V | undefined;
  /** Committed offsets of the task's inputs, by `topic:partition`; empty where no task has the key. */
  readonly position: { readonly [partitionKey: string]: number };
  /** True while a task of the store does not run here, so that the value may be elsewhere or old. */
  readonly stale: boolean;
}

export interface QueryOptions {
  /** Wait until the task's input has been committed up to this offset. */
  readonly atLeast?: { readonly topic: string; readonly partition: number; readonly offset: number };
}

export interface QueryableStore<K, V> {
  /** @throws GavelError `STORE_NOT_READY` where `atLeast` names a partition that no local task reads */
  get(key: K, options?: QueryOptions): Promise<StoreAnswer<V>>;
  /** Committed entries of all local tasks, in the order of their keys' bytes; pinned per task when the loop begins. */
  scan(options?: ScanOptions<K>): AsyncIterable<Entry<K, V>>;
}

interface Part<K, V> {
  readonly running: RunningTask;
  readonly store: TaskStore<K, V>;
}

/** @throws GavelError `STORE_UNKNOWN` */
export function queryStore<K, V>(instance: Instance, name: string): QueryableStore<K, V> {
  const sub = instance.settings.topology.subtopologies.find(({ stores }) => stores.has(name));
  if (sub === undefined) {
    const names = instance.settings.topology.subtopologies.flatMap(({ stores }) => [...stores.keys()]);
    throw new GavelError('STORE_UNKNOWN', `there is no store "${name}"`, {
      hint: `the stores are: ${names.join(', ') || 'none'}`,
    });
  }
  const parts = (): Part<K, V>[] =>
    [...instance.tasks]
      .filter(({ task }) => task.options.subtopology === sub)
      .map((running) => ({ running, store: running.task.state.stores.get(name) as unknown as TaskStore<K, V> }));
  const partitions = partitionCounts(instance.settings.topology).get(sub.name) ?? 0;
  return {
    async get(key, { atLeast } = {}) {
      if (atLeast !== undefined) await waitFor(instance, parts, atLeast);
      const here = parts();
      const stale = !instance.settings.processing || instance.state !== 'running' || here.length < partitions;
      for (const { running, store } of here) {
        const value = store.committed(key);
        if (value !== undefined) return { value, position: running.committed, stale };
      }
      return { value: undefined, position: {}, stale };
    },
    scan: (options) =>
      mergeScans(
        parts().map(({ store }) => store.scanCommitted(options)),
        options,
      ),
  };
}

async function waitFor<K, V>(
  instance: Instance,
  parts: () => readonly Part<K, V>[],
  { topic, partition, offset }: NonNullable<QueryOptions['atLeast']>,
): Promise<void> {
  const key = partitionKey(topic, partition);
  for (;;) {
    const part = parts().find(({ running }) => key in running.committed);
    if (part === undefined) {
      throw new GavelError('STORE_NOT_READY', `no task here reads ${topic}-${partition}`, {
        hint: 'ask the instance that runs it, or later',
      });
    }
    if ((part.running.committed[key] ?? 0) >= offset) return;
    await instance.nextCommit();
  }
}

async function* mergeScans<K, V>(
  scans: readonly AsyncGenerator<Entry<K, V> & { readonly bytes: string }>[],
  options: ScanOptions<K> = {},
): AsyncGenerator<Entry<K, V>> {
  let left = options.limit ?? Infinity;
  try {
    const heads = await Promise.all(scans.map(async (scan) => ({ scan, head: await scan.next() })));
    while (left-- > 0) {
      let first: (typeof heads)[number] | undefined;
      for (const candidate of heads) {
        if (candidate.head.done === true) continue;
        const best = first?.head.value as { readonly bytes: string } | undefined;
        const before = best !== undefined && candidate.head.value.bytes > best.bytes;
        if (first === undefined || before === (options.reverse ?? false)) first = candidate;
      }
      if (first === undefined) return;
      const { key, value } = first.head.value as Entry<K, V>;
      first.head = await first.scan.next();
      yield { key, value };
    }
  } finally {
    await Promise.all(scans.map((scan) => scan.return(undefined)));
  }
}
