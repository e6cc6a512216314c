/** The index of the embedded log: written behind it, in large steps, and brought up from it after a crash. */

import type { GavelError } from '../../streams/errors.ts';
import type { Level } from './databases.ts';
import type { BatchPlace, Checkpoint, Row } from './keys.ts';
import type { Partition } from './partition.ts';
import { toGavelError } from '../../streams/errors.ts';
import { readHeader } from '../../streams/record-batch/index.ts';
import {
  CHECKPOINT_KEY,
  batchPlaceOf,
  batchRow,
  decodeJournal,
  fromJson,
  journalRowKey,
  jsonRow,
  logKey,
  logKeyOf,
} from './keys.ts';

export interface LogIndexOptions {
  readonly log: Level;
  readonly index: Level;
  /** Bytes of the log that the index may lag behind before it is written: what is read again after a crash. */
  readonly flushBytes: number;
  /** Makes everything that was written to the log so far survive a power cut. */
  readonly syncLog: () => Promise<void>;
  /** Called when `flushedTo` has moved. */
  readonly onFlush: () => void;
}

/** Rows that one look-up reads at most. */
const LOOKUP_ROWS_MAX = 1024;
const START: Checkpoint = { sequence: 0, deadBytes: 0 };
const REPLAY_ROWS_MAX = 4096;
const REPLAY_BYTES = 1_048_576;

/** What the index keeps count of. */
interface WriteTotals {
  /** Behind everything that was written. */
  readonly sequence: number;
  readonly bytes: number;
  readonly removedBytes: number;
}

export class LogIndex {
  /** Everything below this sequence is in the index. */
  flushedTo = 0;
  /** Bytes of batches that were removed from the log and may still take room on the disk. */
  deadBytes = 0;
  readonly #options: LogIndexOptions;
  #pending = new Map<string, Row>();
  #pendingBytes = 0;
  #sequence = 0;
  #flushing: Promise<void> | undefined;
  #failure: GavelError | undefined;

  constructor(options: LogIndexOptions) {
    this.#options = options;
  }

  /** Brings the index up to the end of the log; answers the next sequence. */
  async open(): Promise<number> {
    const { index, log } = this.#options;
    const checkpoint = await index.get(CHECKPOINT_KEY);
    const { sequence, deadBytes } = checkpoint === undefined ? START : fromJson<Checkpoint>(checkpoint);
    this.flushedTo = sequence;
    this.deadBytes = deadBytes;
    this.#sequence = sequence;
    const iterator = log.iterator({ gte: logKey(this.flushedTo), highWaterMarkBytes: REPLAY_BYTES, fillCache: false });
    try {
      for (
        let rows = await iterator.nextv(REPLAY_ROWS_MAX);
        rows.length > 0;
        rows = await iterator.nextv(REPLAY_ROWS_MAX)
      ) {
        for (const [key, value] of rows) this.#replay(key, value);
        await this.flush();
      }
    } finally {
      await iterator.close();
    }
    return this.#sequence;
  }

  /** Takes over what a write to the log changed. */
  add(rows: Iterable<Row>, { sequence, bytes, removedBytes }: WriteTotals): void {
    for (const row of rows) this.#pending.set(row.key.toString('latin1'), row);
    this.#sequence = sequence;
    this.#pendingBytes += bytes;
    this.deadBytes += removedBytes;
  }

  /** Writes the index where it lags too far; awaited only where writing it does not keep up. */
  async keepUp(): Promise<void> {
    const { flushBytes } = this.#options;
    if (this.#failure !== undefined) throw this.#failure;
    if (this.#pending.size === 0 || this.#pendingBytes < flushBytes) return;
    const flushed = this.flush().catch((error: unknown) => {
      this.#failure = toGavelError(error, 'OUTCOME_UNKNOWN', 'the index of the log could not be written');
    });
    if (this.#pendingBytes > 4 * flushBytes) await flushed;
  }

  /** Brings the index up to everything that was added before the call. Fails like a write; what was added stays pending then. */
  async flush(): Promise<void> {
    await this.#flushing; // it may have begun too early
    if (this.#pending.size > 0) this.#flushing ??= this.#flush();
    await this.#flushing;
  }

  /** Where the batches are that hold the offsets from `from` on, below `to`, in order; not all if there are many. */
  async places(partition: Partition, from: number, to: number): Promise<BatchPlace[]> {
    const iterator = this.#options.index.iterator({ gte: partition.rowKey(from), lt: partition.rowKey(to) });
    try {
      const rows = await iterator.nextv(LOOKUP_ROWS_MAX);
      return rows.map(([key, value]) => batchPlaceOf(key, value));
    } finally {
      await iterator.close();
    }
  }

  async #flush(): Promise<void> {
    const rows = this.#pending;
    const bytes = this.#pendingBytes;
    const sequence = this.#sequence;
    this.#pending = new Map();
    this.#pendingBytes = 0;
    try {
      await this.#options.syncLog(); // or a power cut could leave an index of what is not in the log
      await this.#options.index.batch(operationsOf([...rows.values(), this.#checkpoint(sequence)]), { sync: true });
      this.flushedTo = sequence;
    } catch (error) {
      this.#pending = new Map([...rows, ...this.#pending]);
      this.#pendingBytes += bytes;
      throw error;
    } finally {
      this.#flushing = undefined;
    }
    this.#options.onFlush();
  }

  #replay(key: Buffer, value: Buffer): void {
    const { sequence, topicNumber, partition, isJournal } = logKeyOf(key);
    const totals = { sequence: sequence + 1, bytes: value.length, removedBytes: 0 };
    if (isJournal) return this.add([...decodeJournal(value), journalRow(sequence)], totals);
    const { lastOffset: last, maxTimestamp, length: bytes } = readHeader(value);
    this.add([batchRow(topicNumber, partition, { last, sequence, bytes, maxTimestamp })], totals);
  }

  #checkpoint(sequence: number): Row {
    return jsonRow(CHECKPOINT_KEY, { sequence, deadBytes: this.deadBytes });
  }
}

/** Remembers a journal, to be removed from the log once it is no longer needed. */
export function journalRow(sequence: number): Row {
  return { key: journalRowKey(sequence), value: Buffer.alloc(0) };
}

type Operation = { type: 'put'; key: Buffer; value: Buffer } | { type: 'del'; key: Buffer };

function operationsOf(rows: readonly Row[]): Operation[] {
  return rows.map(({ key, value }) => (value === null ? { type: 'del', key } : { type: 'put', key, value }));
}
