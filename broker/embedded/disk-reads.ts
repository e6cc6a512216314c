/** Reading batches of the embedded log from disk, each one checked; and what to say where one is damaged. */

import type { ClassicLevel } from 'classic-level';
import type { LogRead } from '../log-fetcher.ts';
import type { Partition } from './partition.ts';
import { GavelError } from '../../streams/errors.ts';
import { BatchReader, readHeader, verifyBatch } from '../../streams/record-batch/index.ts';
import { lastOffsetOf } from './keys.ts';

export type LogLevel = ClassicLevel<Buffer, Buffer>;

/** Rows of one read at most; bytes are bounded besides. */
const READ_ROWS_MAX = 4096;
/** Bytes of one step of a scan. */
const SCAN_BYTES = 524_288;

export interface Stored {
  readonly last: number;
  readonly bytes: Buffer;
}

/**
 * Batches from the one that holds `from` on, below `to`, until about `maxBytes`, at least one; empty where there is none.
 * @throws GavelError `LOG_CORRUPT`
 */
export async function readStored(
  db: LogLevel,
  partition: Partition,
  range: { readonly from: number; readonly to: number },
  maxBytes: number,
): Promise<Stored[]> {
  const rows = await readRows(db, partition, range, maxBytes);
  const stored: Stored[] = [];
  for (const [key, bytes] of rows) {
    const last = lastOffsetOf(key);
    try {
      verifyBatch(bytes);
      if (readHeader(bytes).lastOffset !== last) throw new GavelError('BATCH_CORRUPT', 'it stands at another offset');
    } catch (error) {
      const from = stored.at(-1);
      throw await corrupt(db, partition, { from: from === undefined ? range.from : from.last + 1, last }, error);
    }
    stored.push({ last, bytes });
  }
  return stored;
}

/** The same as an answer to a fetch. */
export async function readLog(db: LogLevel, partition: Partition, offset: number, maxBytes: number): Promise<LogRead> {
  const end = partition.end;
  const stored = await readStored(db, partition, { from: offset, to: end }, maxBytes);
  const bytes = stored.reduce((sum, batch) => sum + batch.bytes.length, 0);
  if (bytes > maxBytes && stored.length > 1) stored.pop(); // LevelDB stops behind the limit, not before it
  const position = stored.length === 0 ? end : (stored.at(-1) as Stored).last + 1;
  return { batches: stored.map(({ bytes }) => bytes), position, lastStableOffset: end };
}

async function readRows(
  db: LogLevel,
  partition: Partition,
  range: { readonly from: number; readonly to: number },
  maxBytes: number,
): Promise<[Buffer, Buffer][]> {
  const iterator = db.iterator({
    gte: partition.batchKey(range.from),
    lt: partition.batchKey(range.to),
    highWaterMarkBytes: maxBytes,
    fillCache: false,
  });
  try {
    return await iterator.nextv(READ_ROWS_MAX);
  } catch (error) {
    const text = error instanceof Error ? error.message : String(error);
    throw new GavelError('LOG_CORRUPT', `${partition.name} cannot be read from offset ${range.from} on: ${text}`, {
      cause: error,
      hint: 'Restore the data directory from a backup.',
    });
  } finally {
    await iterator.close();
  }
}

/** Tells where the damage is and where whole batches go on. */
async function corrupt(
  db: LogLevel,
  partition: Partition,
  at: { readonly from: number; readonly last: number },
  cause: unknown,
): Promise<GavelError> {
  const reason = cause instanceof Error ? cause.message : String(cause);
  const next = await nextWhole(db, partition, at.last + 1);
  const rest = next < partition.end ? `and from ${next} on are whole` : 'are whole, nothing behind it is';
  return new GavelError(
    'LOG_CORRUPT',
    `the log of ${partition.name} is damaged at the offsets ${at.from} to ${at.last}: ${reason}; records below ${at.from} ${rest}`,
    {
      cause,
      hint: `Restore the data directory from a backup, or give the records of ${partition.name} below ${next} up with deleteRecords.`,
    },
  );
}

/** The first offset from `from` on where a batch is whole, else the end. */
async function nextWhole(db: LogLevel, partition: Partition, from: number): Promise<number> {
  const [row] = await readRows(db, partition, { from, to: partition.end }, 1);
  if (row === undefined) return partition.end;
  try {
    verifyBatch(row[1]);
    return from;
  } catch {
    return nextWhole(db, partition, lastOffsetOf(row[0]) + 1);
  }
}

/** The first offset with a record time ≥ `time`, else the end. Looks at headers from the start on: no index to keep. */
export async function offsetAt(db: LogLevel, partition: Partition, time: number): Promise<number> {
  const end = partition.end;
  const reader = new BatchReader();
  for (let from = partition.start; from < end;) {
    const stored = await readStored(db, partition, { from, to: end }, SCAN_BYTES);
    for (const { bytes } of stored) {
      if (readHeader(bytes).maxTimestamp < time) continue;
      reader.open(bytes);
      while (reader.next()) if (reader.timestamp >= time && reader.offset >= from) return reader.offset;
    }
    const last = stored.at(-1);
    if (last === undefined) break;
    from = last.last + 1;
  }
  return end;
}
