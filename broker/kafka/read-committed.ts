/** What a read-committed consumer may see of a record set: Kafka leaves it to its clients to leave out what was aborted. */

import { BatchReader, batchEnd, readHeader, verifyBatch } from '../../streams/record-batch/index.ts';
import { BATCH_LENGTH, HEADER_BYTES, LENGTH_PREFIX_BYTES } from '../../streams/record-batch/format.ts';
import { decompressBatch } from './compression.ts';

export interface AbortedTransaction {
  readonly producerId: number;
  readonly firstOffset: number;
}

export interface CommittedBatches {
  /** Whole and decompressed. */
  readonly batches: readonly Buffer[];
  /** Behind the last whole batch, be it left out or not. */
  readonly position: number;
}

/** The first two bytes of a marker's key are its version, the next two its type. */
const MARKER_TYPE = 2;
const ABORT = 0;

const markers = new BatchReader();

/**
 * @param records the batches from the one that holds offset `from` on; the last may be cut off
 * @param aborted what the broker says of transactions among them; it says so again with each answer
 * @throws GavelError `BATCH_CORRUPT`
 */
export function readCommitted(records: Buffer, from: number, aborted: readonly AbortedTransaction[]): CommittedBatches {
  const coming = [...aborted].sort((a, b) => a.firstOffset - b.firstOffset);
  const active = new Set<number>();
  const batches: Buffer[] = [];
  let position = from;
  let next = 0;
  for (let at = 0; isWhole(records, at); at = batchEnd(records, at)) {
    const { lastOffset, producerId, transactional, control } = readHeader(records, at);
    for (let entry = coming[next]; entry !== undefined && entry.firstOffset <= lastOffset; entry = coming[++next]) {
      active.add(entry.producerId);
    }
    position = Math.max(position, lastOffset + 1);
    if (control) {
      if (isAbort(records, at)) active.delete(producerId);
    } else if (lastOffset >= from && !(transactional && active.has(producerId))) {
      verifyBatch(records, at);
      batches.push(decompressBatch(records.subarray(at, batchEnd(records, at))));
    }
  }
  return { batches, position };
}

function isWhole(records: Buffer, at: number): boolean {
  if (at + HEADER_BYTES > records.length) return false;
  return at + LENGTH_PREFIX_BYTES + records.readInt32BE(at + BATCH_LENGTH) <= records.length;
}

function isAbort(records: Buffer, at: number): boolean {
  markers.open(records, at);
  return markers.next() && markers.key()?.readInt16BE(MARKER_TYPE) === ABORT;
}
