/** One input partition of a task: fetched batches, the record at their head, and the way back to the start of the epoch. */

import type { FetchedPartition } from '../broker.ts';
import type { InputNode } from '../graph/topology.ts';
import type { StreamRecord } from '../record.ts';
import type { Serde } from '../serde.ts';
import { BatchReader } from '../record-batch/index.ts';

interface Batch {
  readonly bytes: Buffer;
  /** Records below it are not wanted. */
  readonly from: number;
}

export interface InputQueueOptions {
  readonly node: InputNode;
  readonly topic: string;
  readonly partition: number;
  /** Offset to begin at. */
  readonly offset: number;
}

export class InputQueue {
  readonly node: InputNode;
  readonly topic: string;
  readonly partition: number;
  /** At the head record while `hasRecord`. */
  readonly reader = new BatchReader();
  hasRecord = false;
  /** Bytes in memory, those of the open epoch included. */
  bufferedBytes = 0;
  /** The next offset that the fetcher will bring. */
  position: number;
  /** End of the log for us; -1 = not known yet. */
  lastStableOffset = -1;
  /** Set while the fetcher is held back. */
  paused = false;
  /** Highest record time processed (semantics 4). */
  partitionTime = -1;
  /** What takes the records; set when the task is compiled. */
  receivers: readonly ((record: StreamRecord<unknown, unknown>) => void)[] = [];
  readonly serdes: { readonly key: Serde<unknown>; readonly value: Serde<unknown> };
  /** Takes the time from the record; undefined where the log's is taken. */
  readonly extractor: ((record: StreamRecord<unknown, unknown>) => number) | undefined;
  /** Time of the head record. */
  timestamp = -1;
  /** The head record, where it had to be decoded to know its time. */
  head: StreamRecord<unknown, unknown> | undefined;

  #batches: Batch[] = [];
  #current = -1;
  /** Where the open epoch began. */
  #epochOffset: number;

  constructor({ node, topic, partition, offset }: InputQueueOptions) {
    this.node = node;
    this.topic = topic;
    this.partition = partition;
    this.position = offset;
    this.serdes = node.kind === 'source' ? node.topic : node;
    this.extractor = node.kind === 'source' ? node.timestamp : undefined;
    this.#epochOffset = offset;
  }

  add(fetched: FetchedPartition): void {
    let from = fetched.from;
    for (const bytes of fetched.batches) {
      this.#batches.push({ bytes, from });
      this.bufferedBytes += bytes.length;
      from = 0;
    }
    this.position = fetched.position;
    this.lastStableOffset = fetched.lastStableOffset;
    if (!this.hasRecord) this.advance();
  }

  /** Gives the head the time that its source found in it. */
  setHead(record: StreamRecord<unknown, unknown>, timestamp: number): void {
    if (!Number.isFinite(timestamp) || timestamp < 0) throw new RangeError(`${timestamp} is no record time`);
    this.timestamp = timestamp;
    this.head = { ...record, timestamp };
  }

  /** Moves the head to the next record. */
  advance(): void {
    this.head = undefined;
    for (;;) {
      const batch = this.#batches[this.#current];
      if (batch !== undefined) {
        while (this.reader.next()) {
          if (this.reader.offset < batch.from) continue;
          this.hasRecord = true;
          this.timestamp = this.reader.timestamp;
          return;
        }
      }
      if (this.#current + 1 >= this.#batches.length) {
        this.hasRecord = false;
        return;
      }
      this.#current++;
      this.reader.open((this.#batches[this.#current] as Batch).bytes);
    }
  }

  /** The offset to commit (semantics 5): of the head record, else the position. */
  get committable(): number {
    return this.hasRecord ? this.reader.offset : this.position;
  }

  /** True where everything up to the end of the log was processed. */
  get atEnd(): boolean {
    return !this.hasRecord && this.lastStableOffset >= 0 && this.position >= this.lastStableOffset;
  }

  /** True where the open epoch took something, were it only markers. */
  get moved(): boolean {
    return this.committable !== this.#epochOffset;
  }

  /** Closes the open epoch: what it took need not be kept. */
  cut(): void {
    this.#epochOffset = this.committable;
    const spent = this.hasRecord ? this.#current : this.#batches.length;
    for (const batch of this.#batches.splice(0, spent)) this.bufferedBytes -= batch.bytes.length;
    this.#current = this.hasRecord ? 0 : -1;
  }

  /** Goes back to where the open epoch began. */
  rewind(): void {
    this.#current = -1;
    this.hasRecord = false;
    this.#batches = this.#batches.map((batch, i) => (i === 0 ? { ...batch, from: this.#epochOffset } : batch));
    this.advance();
  }
}
