/** One pass of compaction over a partition: of each key only the latest record stays, in slices that never hold the loop up. */

import type { Compacted } from '../compaction.ts';
import type { PartitionRow } from './keys.ts';
import type { LogIndex } from './log-index.ts';
import type { LogReader, StoredBatch } from './log-reader.ts';
import type { Partition } from './partition.ts';
import type { LogWriter } from './writer.ts';
import { compactBatches, visitKeys } from '../compaction.ts';

export interface CompactionPassOptions {
  readonly reader: LogReader;
  readonly index: LogIndex;
  readonly writer: LogWriter;
  /** Keys that one pass remembers; it ends where there are more, the next goes on. */
  readonly maxKeys: number;
  readonly now: () => number;
  /** Awaited between slices; answers false to give the pass up. */
  readonly pause: () => Promise<boolean>;
}

/** Bytes that are read, looked at and rewritten at a time. */
const SLICE_BYTES = 262_144;
/** Former passes remembered for the tombstones; beyond that the newest stand for those between. */
const PASSES_MAX = 32;

/**
 * Moves `cleanedTo` on, as far as the keys fit; false where `pause` gave it up.
 * @throws GavelError `LOG_CORRUPT` and those of a write; what was done until then stands and is no obstacle to another pass.
 */
export async function compactPartition(partition: Partition, options: CompactionPassOptions): Promise<boolean> {
  const { reader, index, writer, now, pause } = options;
  const end = partition.end;
  await index.flush(); // only what the index has may be replaced in the log
  const dirty = await latestOffsets(partition, end, options);
  if (dirty === undefined) return false;
  const { latest, to } = dirty;
  const horizon = tombstoneHorizon(partition, now());
  let cleanBytes = 0;
  for (let from = partition.start; from < to;) {
    const stored = await reader.read(partition, { from, to }, SLICE_BYTES);
    const last = stored.at(-1);
    if (last === undefined) break;
    const compacted = compactBatches(bytesOf(stored), (key, offset, isTombstone) => {
      return (latest.get(key) ?? -1) <= offset && !(isTombstone && offset < horizon);
    });
    cleanBytes += await replace(partition, writer, stored, compacted);
    from = last.place.last + 1;
    if (!(await pause())) return false;
  }
  const passes = withPass(partition, { to, at: now() });
  return writer.submit({
    bytes: 0,
    durable: false,
    prepare(write) {
      write.putRows(partition.row({ cleanedTo: to, cleanBytes, passes }));
      return () => {
        partition.cleanedTo = to;
        partition.cleanBytes = cleanBytes;
        partition.passes = passes;
        return true;
      };
    },
  });
}

/** The latest offset of each key since the last pass, and how far that reaches. */
async function latestOffsets(
  partition: Partition,
  end: number,
  { reader, maxKeys, pause }: CompactionPassOptions,
): Promise<{ readonly latest: Map<string, number>; readonly to: number } | undefined> {
  const latest = new Map<string, number>();
  let to = Math.max(partition.cleanedTo, partition.start);
  while (to < end && latest.size < maxKeys) {
    const stored = await reader.read(partition, { from: to, to: end }, SLICE_BYTES);
    for (const { bytes } of stored) visitKeys(bytes, (key, offset) => latest.set(key, offset));
    to = (stored.at(-1)?.place.last ?? end - 1) + 1;
    if (!(await pause())) return undefined;
  }
  return { latest, to };
}

/** Puts the merged batches where the sources stood, in one write; answers their bytes. */
async function replace(
  partition: Partition,
  writer: LogWriter,
  stored: readonly StoredBatch[],
  { batches, dropped }: Compacted,
): Promise<number> {
  const bytesBefore = stored.reduce((sum, { bytes }) => sum + bytes.length, 0);
  if (dropped === 0 && batches.length >= stored.length) return bytesBefore;
  const bytes = batches.reduce((sum, batch) => sum + batch.bytes.length, 0);
  return writer.submit({
    bytes,
    durable: false,
    prepare(write) {
      for (const { place } of stored) write.removeBatch(partition.topic.number, partition.index, place);
      for (const batch of batches) write.putBatch(partition, batch);
      return () => bytes;
    },
  });
}

/** Below it tombstones may go: they have been readable, with all they delete gone, for `deleteRetentionMs`. */
function tombstoneHorizon(partition: Partition, now: number): number {
  const longAgo = now - partition.topic.config.deleteRetentionMs;
  return partition.passes.findLast(({ at }) => at <= longAgo)?.to ?? 0;
}

/** Of the passes that are old enough only the last matters. */
function withPass(partition: Partition, pass: PartitionRow['passes'][number]): PartitionRow['passes'] {
  const longAgo = pass.at - partition.topic.config.deleteRetentionMs;
  const old = partition.passes.findLastIndex(({ at }) => at <= longAgo);
  return [...partition.passes.slice(Math.max(0, old), Math.max(0, old) + PASSES_MAX - 1), pass];
}

function* bytesOf(stored: readonly StoredBatch[]): Generator<Buffer> {
  for (const { bytes } of stored) yield bytes;
}
