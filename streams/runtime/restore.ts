/** Brings a task's storage up to the end of its changelog (semantics 18, 19). */

import { setImmediate as nextTurn } from 'node:timers/promises';
import type { Broker, FetchedPartition, TopicDescription } from '../broker.ts';
import { GavelError } from '../errors.ts';
import { BatchReader } from '../record-batch/index.ts';
import type { StorageBatch } from '../state.ts';
import type { ChangelogPosition } from './running-task.ts';
import type { StateMeta, TaskState } from './task-state.ts';
import { Wakeup } from './wakeup.ts';

/** Rows collected before they are applied in one atomic write; what one fetch brings stays together. */
const WRITE_ROWS = 5_000;
/** Milliseconds that applying them may keep the loop, where other tasks run, before it yields. */
const SLICE_MS = 5;

export interface RestoreOptions {
  readonly broker: Broker;
  readonly state: TaskState;
  readonly changelog: TopicDescription;
  readonly partition: number;
  /** First offset that the storage does not have. */
  readonly from: number;
  /** Where the changelog ended when the restore began, transactions that were open included: it waits for those. */
  readonly end: number;
  readonly now: () => number;
  /** Called after every write. */
  readonly onProgress: (records: number, remaining: number) => void;
  /** Aborts the restore when the task is given up meanwhile. */
  readonly signal: AbortSignal;
}

/** Why state cannot be trusted and is built anew, or undefined where it can. */
export function distrust(
  meta: StateMeta | undefined,
  changelog: { readonly topic: TopicDescription; readonly start: number; readonly end: number },
  now: number,
): string | undefined {
  const at = meta?.changelog;
  if (meta === undefined || at === undefined) return undefined;
  const { topic, start, end } = changelog;
  if (at.topicId !== topic.id) return 'it belongs to another changelog topic';
  if (at.position > end) return `it is at ${at.position}, beyond the changelog's end ${end}`;
  if (at.position < start) return `the changelog begins at ${start}, behind its position ${at.position}`;
  if (at.position < end && now - meta.writtenAt > topic.config.deleteRetentionMs / 2) {
    return 'it is so old that deletions may be missing from the changelog';
  }
  return undefined;
}

/** Applies [from, end); answers the position reached. Done when the position is there, not when some last record is. */
export async function restoreTask(options: RestoreOptions): Promise<ChangelogPosition> {
  const { broker, state, changelog, partition, end } = options;
  let position = options.from;
  const ready = new Wakeup();
  const abort = (): void => ready.wake();
  options.signal.addEventListener('abort', abort);
  const fetcher = broker.fetcher({ onReady: () => ready.wake() });
  try {
    if (position < end) fetcher.assign(changelog.name, partition, position);
    const pending = new Map<string, readonly [key: Buffer, value: Buffer | null]>();
    // One write is under way while the next rows are fetched and collected.
    let writing: Promise<void> = Promise.resolve();
    while (position < end) {
      options.signal.throwIfAborted();
      const fetched = fetcher.poll();
      if (fetched.length === 0) await ready.wait();
      for (const part of fetched) {
        if (part.error !== undefined) throw part.error;
        collect(part, end, pending);
        position = part.position;
      }
      if (pending.size >= WRITE_ROWS || (position >= end && pending.size > 0)) {
        const rows = [...pending.values()];
        pending.clear();
        const remaining = Math.max(0, end - position);
        await writing; // a row with an index is applied to what stands in the storage
        const batch = await batchOf(
          state,
          rows,
          { topicId: changelog.id, position: Math.min(position, end), leaderEpoch: -1 },
          options.now(),
        );
        writing = batch.write().then(() => options.onProgress(rows.length, remaining));
        writing.catch(() => undefined); // it is awaited, unless something else fails before
      }
    }
    await writing;
    return { topicId: changelog.id, position: Math.min(position, end), leaderEpoch: -1 };
  } finally {
    options.signal.removeEventListener('abort', abort);
    await fetcher.close();
  }
}

const reader = new BatchReader();

/** The latest value of each key of what was fetched. */
function collect(part: FetchedPartition, end: number, rows: Map<string, readonly [Buffer, Buffer | null]>): void {
  let { from } = part;
  for (const batch of part.batches) {
    reader.open(batch);
    while (reader.next()) {
      if (reader.offset < from || reader.offset >= end) continue;
      const key = reader.key();
      if (key === null)
        throw new GavelError(
          'CHANGELOG_POISON',
          `changelog record ${part.topic}-${part.partition}@${reader.offset} has no key`,
        );
      rows.set(key.toString('latin1'), [key, reader.value()]);
    }
    from = 0;
  }
}

/** The rows and how far they lead, to be written at once. */
async function batchOf(
  state: TaskState,
  rows: readonly (readonly [Buffer, Buffer | null])[],
  changelog: ChangelogPosition,
  now: number,
): Promise<StorageBatch> {
  const batch = state.storage.batch();
  try {
    let sliceEnd = performance.now() + SLICE_MS;
    for (const [key, value] of rows) {
      state.restore(batch, key, value);
      if (performance.now() < sliceEnd) continue;
      await nextTurn();
      sliceEnd = performance.now() + SLICE_MS;
    }
    state.writeMeta(batch, { changelog, offsets: state.meta()?.offsets ?? {}, writtenAt: now });
  } catch (error) {
    await batch.discard();
    throw error;
  }
  return batch;
}
