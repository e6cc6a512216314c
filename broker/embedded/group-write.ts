/** One write to the embedded log while it is put together: what goes into the log, and what the index learns of it. */

import type { Level } from './databases.ts';
import type { BatchPlace, Row } from './keys.ts';
import type { Partition } from './partition.ts';
import { batchRow, batchRowKey, encodeJournal, logKey } from './keys.ts';
import { journalRow } from './log-index.ts';

/** A batch with its place among the offsets. */
export interface PlacedBatch {
  readonly last: number;
  readonly bytes: Buffer;
  readonly maxTimestamp: number;
}

type Operation = { type: 'put'; key: Buffer; value: Buffer } | { type: 'del'; key: Buffer };

export class GroupWrite {
  /** The sequence behind everything in it. */
  sequence: number;
  bytes = 0;
  /** Of batches that it takes out of the log. */
  removedBytes = 0;
  readonly #journalSequence: number;
  readonly #operations: Operation[] = [];
  readonly #journal: Row[] = [];
  readonly #batchRows: Row[] = [];

  constructor(sequence: number) {
    this.#journalSequence = sequence; // before the batches, as its rows are older where both are about one key
    this.sequence = sequence + 1;
  }

  get isEmpty(): boolean {
    return this.#operations.length === 0 && this.#journal.length === 0;
  }

  /** Puts a batch where its last offset says; answers its sequence. */
  putBatch(partition: Partition, { last, bytes, maxTimestamp }: PlacedBatch): number {
    const sequence = this.sequence++;
    const { number } = partition.topic;
    this.#operations.push({ type: 'put', key: logKey(sequence, number, partition.index), value: bytes });
    this.#batchRows.push(batchRow(number, partition.index, { last, sequence, bytes: bytes.length, maxTimestamp }));
    this.bytes += bytes.length;
    return sequence;
  }

  /** Takes a batch out of the log that is in the index. Put what replaces it afterwards. */
  removeBatch(topicNumber: number, partition: number, { last, sequence, bytes }: BatchPlace): void {
    this.removedBytes += bytes;
    this.removeFromLog(logKey(sequence, topicNumber, partition));
    this.#journal.push({ key: batchRowKey(topicNumber, partition, last), value: null });
  }

  removeFromLog(key: Buffer): void {
    this.#operations.push({ type: 'del', key });
  }

  /** Changes rows of the index. */
  putRows(...rows: readonly Row[]): void {
    this.#journal.push(...rows);
  }

  async write(log: Level, sync: boolean): Promise<void> {
    if (this.#journal.length > 0) {
      const value = encodeJournal(this.#journal);
      this.#operations.push({ type: 'put', key: logKey(this.#journalSequence), value });
      this.bytes += value.length;
    }
    await log.batch(this.#operations, { sync });
  }

  /** What the index learns, older rows first. */
  indexRows(): Row[] {
    if (this.#journal.length === 0) return this.#batchRows;
    return [...this.#journal, journalRow(this.#journalSequence), ...this.#batchRows];
  }
}
