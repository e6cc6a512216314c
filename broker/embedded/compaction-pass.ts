/** One pass of compaction over a partition: of each key only the latest record stays, in slices that never hold the loop up. */

import type { Compacted } from '../compaction.ts';
import type { LogLevel, Stored } from './disk-reads.ts';
import type { PartitionRow } from './keys.ts';
import type { Partition } from './partition.ts';
import type { LogWriter, Operation } from './writer.ts';
import { compactBatches, visitKeys } from '../compaction.ts';
import { readStored } from './disk-reads.ts';

export interface CompactionPassOptions {
  readonly db: LogLevel;
  readonly writer: LogWriter;
  /** Keys that one pass remembers; it ends where there are more, the next goes on. */
  readonly maxKeys: number;
  readonly now: () => number;
  /** Awaited between slices; answers false to give the pass up. */
  readonly pause: () => Promise<boolean>;
}

/** Bytes that are read, looked at and rewritten at a time. */
const SLICE_BYTES = 262_144;
/** Former passes remembered for the tombstones; the newest are merged beyond that. */
const PASSES_MAX = 32;

/** @throws GavelError `LOG_CORRUPT` and those of a write; what was done until then stands and is no obstacle to another pass. */
export async function compactPartition(partition: Partition, options: CompactionPassOptions): Promise<void> {
  const dirtyBefore = partition.dirtyBytes;
  const dirty = await latestOffsets(partition, options);
  if (dirty === undefined) return;
  const { latest, to } = dirty;
  const horizon = tombstoneHorizon(partition, options.now());
  let cleanBytes = 0;
  for (let from = partition.start; from < to;) {
    const stored = await readStored(options.db, partition, { from, to }, SLICE_BYTES);
    if (stored.length === 0) break;
    const compacted = compactBatches(bytesOf(stored), (key, offset, isTombstone) => {
      return (latest.get(key) ?? -1) <= offset && !(isTombstone && offset < horizon);
    });
    cleanBytes += await rewrite(partition, options.writer, stored, compacted);
    from = (stored.at(-1) as Stored).last + 1;
    if (!(await options.pause())) return;
  }
  const passes = withPass(partition, { to, at: options.now() });
  await options.writer.submit({
    bytes: 0,
    durable: false,
    prepare(operations) {
      operations.push(partition.row({ cleanedTo: to, cleanBytes, passes }));
      return () => {
        partition.cleanedTo = to;
        partition.cleanBytes = cleanBytes;
        partition.passes = passes;
        partition.dirtyBytes = Math.max(0, partition.dirtyBytes - dirtyBefore);
      };
    },
  });
}

/** The latest offset of each key since the last pass, and how far that reaches. */
async function latestOffsets(
  partition: Partition,
  { db, maxKeys, pause }: CompactionPassOptions,
): Promise<{ readonly latest: Map<string, number>; readonly to: number } | undefined> {
  const latest = new Map<string, number>();
  const end = partition.end;
  let to = Math.max(partition.cleanedTo, partition.start);
  while (to < end && latest.size < maxKeys) {
    const stored = await readStored(db, partition, { from: to, to: end }, SLICE_BYTES);
    for (const { bytes } of stored) visitKeys(bytes, (key, offset) => latest.set(key, offset));
    const last = stored.at(-1);
    to = last === undefined ? end : last.last + 1;
    if (!(await pause())) return undefined;
  }
  return { latest, to };
}

/** Puts the merged batches where the sources stood, in one write; answers their bytes. */
async function rewrite(
  partition: Partition,
  writer: LogWriter,
  stored: readonly Stored[],
  { batches, dropped }: Compacted,
): Promise<number> {
  const bytesBefore = stored.reduce((sum, { bytes }) => sum + bytes.length, 0);
  if (dropped === 0 && batches.length >= stored.length) return bytesBefore;
  const bytes = batches.reduce((sum, batch) => sum + batch.bytes.length, 0);
  const changes: Operation[] = [
    ...stored.map(({ last }): Operation => ({ type: 'del', key: partition.batchKey(last) })),
    ...batches.map((batch): Operation => ({ type: 'put', key: partition.batchKey(batch.last), value: batch.bytes })),
  ];
  await writer.submit({
    bytes,
    durable: false,
    prepare(operations) {
      operations.push(...changes);
      return () => undefined;
    },
  });
  return bytes;
}

/** Below it tombstones may go: they have been readable, with all they delete gone, for `deleteRetentionMs`. */
function tombstoneHorizon(partition: Partition, now: number): number {
  const longAgo = now - partition.topic.config.deleteRetentionMs;
  return partition.passes.findLast(({ at }) => at <= longAgo)?.to ?? 0;
}

/** Of the passes that are old enough only the last matters; of too many the last but one is left out. */
function withPass(partition: Partition, pass: PartitionRow['passes'][number]): PartitionRow['passes'] {
  const longAgo = pass.at - partition.topic.config.deleteRetentionMs;
  const old = partition.passes.findLastIndex(({ at }) => at <= longAgo);
  return [...partition.passes.slice(Math.max(0, old)).slice(0, PASSES_MAX - 1), pass];
}

function* bytesOf(stored: readonly Stored[]): Generator<Buffer> {
  for (const { bytes } of stored) yield bytes;
}
