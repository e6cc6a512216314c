/** Compaction of record batches: merges what is kept of many batches into few, at the old offsets. */

import { BatchReader, BatchWriter, placeBatch, sealBatch } from '../streams/record-batch/index.ts';

/** Whether a record stays; `key` is the key's bytes as latin1 text. Records without a key always stay. */
export type Keep = (key: string, offset: number, isTombstone: boolean) => boolean;

/** A batch that compaction wrote. */
export interface CompactedBatch {
  readonly bytes: Buffer;
  readonly base: number;
  readonly last: number;
  readonly count: number;
  readonly maxTimestamp: number;
}

export interface Compacted {
  readonly batches: readonly CompactedBatch[];
  /** Records that did not stay. */
  readonly dropped: number;
}

const MERGED_BYTES = 131_072;

const reader = new BatchReader();
const writer = new BatchWriter();

/** Calls `visit` with the key, as latin1 text, and the offset of each record that has a key. */
export function visitKeys(bytes: Buffer, visit: (key: string, offset: number) => void): void {
  reader.open(bytes);
  while (reader.next()) {
    const key = reader.key();
    if (key !== null) visit(key.toString('latin1'), reader.offset);
  }
}

/** What stays of batches that stand in this order, as few batches. Every record keeps its offset and its time. */
export function compactBatches(sources: Iterable<Buffer>, keep: Keep): Compacted {
  const batches: CompactedBatch[] = [];
  const open = { base: 0, last: 0, maxTimestamp: -1 };
  let dropped = 0;
  const close = (): void => {
    if (writer.count === 0) return;
    const { bytes, count } = writer.take();
    sealBatch(bytes, {});
    placeBatch(bytes, open.base, 0);
    batches.push({ bytes, count, ...open });
    open.maxTimestamp = -1;
  };
  writer.clear();
  for (const bytes of sources) {
    reader.open(bytes);
    while (reader.next()) {
      const key = reader.key();
      const value = reader.value();
      if (key !== null && !keep(key.toString('latin1'), reader.offset, value === null)) {
        dropped++;
        continue;
      }
      if (writer.position >= MERGED_BYTES) close();
      if (writer.count === 0) open.base = reader.offset;
      open.last = reader.offset;
      open.maxTimestamp = Math.max(open.maxTimestamp, reader.timestamp);
      writer.start(reader.timestamp, reader.offset - open.base);
      writer.keyBytes(key);
      writer.valueBytes(value);
      writer.end(reader.headers());
    }
  }
  close();
  return { batches, dropped };
}
