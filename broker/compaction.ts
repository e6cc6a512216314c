/** Compaction of record batches: what stays of each once later records of the same keys are known. */

import type { Seal } from '../streams/record-batch/index.ts';
import { BatchReader, BatchWriter, placeBatch, readHeader, sealBatch } from '../streams/record-batch/index.ts';

/** Whether a record stays. `key` is its bytes as text (latin1); null keys are never kept by a compacted log. */
export type Keep = (key: string, offset: number, value: Buffer | null) => boolean;

const reader = new BatchReader();
const writer = new BatchWriter();

/** Calls `visit` for each record with a key. */
export function visitKeys(bytes: Buffer, visit: (key: string, offset: number) => void): void {
  reader.open(bytes);
  while (reader.next()) {
    const key = reader.key();
    if (key !== null) visit(key.toString('latin1'), reader.offset);
  }
}

/** Key → offset of its latest record among the batches, which are in order. */
export function latestOffsets(batches: Iterable<Buffer>): Map<string, number> {
  const latest = new Map<string, number>();
  for (const bytes of batches) visitKeys(bytes, (key, offset) => latest.set(key, offset));
  return latest;
}

/** The batch with only the kept records, at their offsets; the very same buffer if all stay, undefined if none does. */
export function compactBatch(bytes: Buffer, keep: Keep): Buffer | undefined {
  const header = readHeader(bytes);
  reader.open(bytes);
  writer.clear();
  while (reader.next()) {
    const key = reader.key();
    const value = reader.value();
    if (key === null || !keep(key.toString('latin1'), reader.offset, value)) continue;
    writer.start(reader.timestamp, reader.offset - header.baseOffset);
    writer.keyBytes(key);
    writer.valueBytes(value);
    writer.end(reader.headers());
  }
  if (writer.count === 0) return undefined;
  if (writer.count === header.count) {
    writer.clear();
    return bytes;
  }
  const kept = writer.take().bytes;
  const seal: Seal = {
    producer: { id: header.producerId, epoch: header.producerEpoch, sequence: header.baseSequence },
    transactional: header.transactional,
  };
  sealBatch(kept, header.appendTime ? { ...seal, appendTime: header.maxTimestamp } : seal);
  placeBatch(kept, header.baseOffset, header.leaderEpoch);
  return kept;
}
