/** One partition of the embedded log: its offsets, its stamps, its tail, and how far it is cleaned. */

import type { ProducedOffset, TopicDescription } from '../../streams/broker.ts';
import type { Seal } from '../../streams/record-batch/index.ts';
import type { LogRead } from '../log-fetcher.ts';
import type { GroupWrite } from './group-write.ts';
import type { PartitionRow, Row } from './keys.ts';
import { GavelError } from '../../streams/errors.ts';
import { placeBatch, readHeader, sealBatch } from '../../streams/record-batch/index.ts';
import { batchRowKey, jsonRow, partitionRowKey } from './keys.ts';
import { Tail } from './tail-cache.ts';

/** A topic with its number in the keys of its rows. */
export interface EmbeddedTopic extends TopicDescription {
  readonly number: number;
  logs: readonly Partition[];
}

/** A batch with its place, on its way into the log. */
export interface StagedBatch {
  readonly partition: Partition;
  readonly bytes: Buffer;
  readonly last: number;
  /** In the log. */
  readonly sequence: number;
  readonly produced: ProducedOffset;
}

export class Partition {
  readonly topic: EmbeddedTopic;
  readonly index: number;
  readonly tail: Tail;
  /** Called when a read could answer anew. */
  readonly listeners = new Set<() => void>();
  /** The topic is gone. */
  deleted = false;
  start: number;
  /** Behind the last batch that stands in the log; nothing stays open in it, so it is the last stable offset. */
  end: number;
  cleanedTo: number;
  cleanBytes: number;
  /** Bytes appended since the last compaction. */
  dirtyBytes = 0;
  passes: PartitionRow['passes'];
  /** Batches below are gone from the disk. */
  trimmedTo = 0;
  /** Cleaning found it unreadable and leaves it alone. */
  damaged = false;
  /** Where the next batch goes: ahead of `end` while a write is under way. */
  #next: number;
  #lastStamp: number;

  constructor(topic: EmbeddedTopic, index: number, row: PartitionRow) {
    this.topic = topic;
    this.index = index;
    this.tail = new Tail(row.end);
    this.start = row.start;
    this.end = row.end;
    this.cleanedTo = row.cleanedTo;
    this.cleanBytes = row.cleanBytes;
    this.passes = row.passes;
    this.#next = row.end;
    this.#lastStamp = row.lastStamp;
  }

  get name(): string {
    return `${this.topic.name}:${this.index}`;
  }

  /** Seals a batch in place, gives it its offsets and adds it to the write; it is seen once `reveal` was called. */
  stage(write: GroupWrite, bytes: Buffer, seal: Seal, now: number): StagedBatch {
    const append = this.topic.config.timestampType === 'append';
    if (append) this.#lastStamp = Math.max(this.#lastStamp, now);
    sealBatch(bytes, append ? { ...seal, appendTime: this.#lastStamp } : seal);
    placeBatch(bytes, this.#next, 0);
    const { baseOffset, lastOffset: last, count, maxTimestamp } = readHeader(bytes);
    this.#next = last + 1;
    const timestamp = append ? this.#lastStamp : -1;
    const produced = { topic: this.topic.name, partition: this.index, baseOffset, count, timestamp, leaderEpoch: 0 };
    return { partition: this, bytes, last, produced, sequence: write.putBatch(this, { last, bytes, maxTimestamp }) };
  }

  /** The index's row of the batch that ends at the offset. */
  rowKey(lastOffset: number): Buffer {
    return batchRowKey(this.topic.number, this.index, lastOffset);
  }

  /** What the tail answers for an offset it reaches back to, else undefined. @throws GavelError `OFFSET_OUT_OF_RANGE` */
  peek(offset: number, maxBytes: number): LogRead | undefined {
    this.checkOffset(offset);
    if (offset < this.tail.from) return undefined;
    const { batches, position } = this.tail.read(offset, maxBytes);
    return { batches, position, lastStableOffset: this.end };
  }

  /** @throws GavelError `OFFSET_OUT_OF_RANGE` */
  checkOffset(offset: number): void {
    if (offset >= this.start && offset <= this.end) return;
    throw new GavelError(
      'OFFSET_OUT_OF_RANGE',
      `${this.name} has the offsets ${this.start} to ${this.end}, not ${offset}`,
    );
  }

  /** The row that says where the partition starts and how far it is cleaned. */
  row(change: Partial<PartitionRow> = {}): Row {
    const { start, cleanedTo, cleanBytes, passes } = this;
    const row = { start, end: this.#next, lastStamp: this.#lastStamp, cleanedTo, cleanBytes, passes, ...change };
    return jsonRow(partitionRowKey(this.topic.number, this.index), row);
  }

  notify(): void {
    for (const listener of this.listeners) listener();
  }
}
