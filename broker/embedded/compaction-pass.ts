/** One pass of compaction over a partition: of each key only the latest record stays, in slices that never hold the loop up. */

import { setImmediate } from 'node:timers/promises';
import type { Compacted } from '../compaction.ts';
import type { PartitionRow } from './keys.ts';
import type { LogIndex } from './log-index.ts';
import type { LogReader, OffsetRange, StoredBatch } from './log-reader.ts';
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
  /** Asked between slices; where it answers false the pass is given up. */
  readonly wanted: () => boolean;
}

/** Bytes that are read in one go, while those before are worked on. */
const READ_BYTES = 2_097_152;
/** Bytes of batches that are merged in one go: some 2 ms. */
const MERGE_BYTES = 262_144;
/** Milliseconds of work after which the loop is left to others for a turn. */
const SLICE_MS = 4;
/** Former passes remembered for the tombstones; beyond that the newest stand for those between. */
const PASSES_MAX = 32;

/**
 * Moves `cleanedTo` on, as far as the keys fit; false where it was given up.
 * @throws GavelError `LOG_CORRUPT` and those of a write; what was done until then stands and is no obstacle to another pass.
 */
export async function compactPartition(partition: Partition, options: CompactionPassOptions): Promise<boolean> {
  const { index, writer, now } = options;
  const end = partition.end;
  await index.flush(); // only what the index has may be replaced in the log
  const dirty = await latestOffsets(partition, end, options);
  if (dirty === undefined) return false;
  const cleanBytes = await keepLatest(partition, dirty, options);
  if (cleanBytes === undefined) return false;
  const { to } = dirty;
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

/** The latest offset of each key among the offsets since the last pass, and how far these reach. */
interface Dirty {
  readonly latest: ReadonlyMap<string, number>;
  readonly to: number;
}

async function latestOffsets(
  partition: Partition,
  end: number,
  { reader, maxKeys, wanted }: CompactionPassOptions,
): Promise<Dirty | undefined> {
  const latest = new Map<string, number>();
  const slice = new Slice();
  let to = Math.max(partition.cleanedTo, partition.start);
  for await (const stored of readAll(reader, partition, { from: to, to: end })) {
    for (const { bytes, place } of stored) {
      visitKeys(bytes, (key, offset) => latest.set(key, offset));
      to = place.last + 1;
      if (latest.size >= maxKeys) return { latest, to };
      await slice.rest();
      if (!wanted()) return undefined;
    }
  }
  return { latest, to: end };
}

/** Rewrites everything up to where the dirty part ends; answers the bytes that stay. */
async function keepLatest(
  partition: Partition,
  { latest, to }: Dirty,
  { reader, writer, now, wanted }: CompactionPassOptions,
): Promise<number | undefined> {
  const horizon = tombstoneHorizon(partition, now());
  const slice = new Slice();
  let cleanBytes = 0;
  for await (const stored of readAll(reader, partition, { from: partition.start, to })) {
    const written: Promise<number>[] = [];
    for (const group of groups(stored)) {
      const compacted = compactBatches(bytesOf(group), (key, offset, isTombstone) => {
        return (latest.get(key) ?? -1) <= offset && !(isTombstone && offset < horizon);
      });
      const replaced = replace(partition, writer, group, compacted);
      replaced.catch(() => undefined); // thrown where all are awaited
      written.push(replaced);
      await slice.rest();
    }
    for (const bytes of await Promise.all(written)) cleanBytes += bytes;
    if (!wanted()) return undefined;
  }
  return cleanBytes;
}

/** All batches of a range, the next ones read while those before are worked on. */
async function* readAll(reader: LogReader, partition: Partition, { from, to }: OffsetRange) {
  const read = (offset: number): Promise<StoredBatch[]> => {
    const stored = offset < to ? reader.read(partition, { from: offset, to }, READ_BYTES) : Promise.resolve([]);
    stored.catch(() => undefined); // thrown where it is awaited, if it is
    return stored;
  };
  let next = read(from);
  for (;;) {
    const stored = await next;
    const last = stored.at(-1);
    if (last === undefined) return;
    next = read(last.place.last + 1);
    yield stored;
  }
}

/** Consecutive batches of about `MERGE_BYTES`. */
function* groups(stored: readonly StoredBatch[]): Generator<StoredBatch[]> {
  let group: StoredBatch[] = [];
  let bytes = 0;
  for (const batch of stored) {
    group.push(batch);
    bytes += batch.bytes.length;
    if (bytes < MERGE_BYTES) continue;
    yield group;
    group = [];
    bytes = 0;
  }
  if (group.length > 0) yield group;
}

/** Time that was worked without a break. */
class Slice {
  #start = performance.now();

  /** Leaves the loop to others for a turn if it is time to. */
  async rest(): Promise<void> {
    if (performance.now() - this.#start < SLICE_MS) return;
    await setImmediate();
    this.#start = performance.now();
  }
}

/** Puts the merged batches where the sources stood, in one write; answers their bytes. */
function replace(
  partition: Partition,
  writer: LogWriter,
  stored: readonly StoredBatch[],
  { batches, dropped }: Compacted,
): Promise<number> {
  const bytesBefore = stored.reduce((sum, { bytes }) => sum + bytes.length, 0);
  if (dropped === 0 && batches.length >= stored.length) return Promise.resolve(bytesBefore);
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
