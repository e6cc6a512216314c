/** One partition of the memory broker: batches, markers, and transactions that stand open among them. */

import type { ProducedOffset } from '../../streams/broker.ts';
import type { TopicSpec } from '../../streams/topic.ts';
import type { Seal } from '../../streams/record-batch/index.ts';
import type { LogRead } from '../log-fetcher.ts';
import type { Identity } from '../transaction-ids.ts';
import { BatchReader, placeBatch, readHeader, sealBatch } from '../../streams/record-batch/index.ts';
import { GavelError } from '../../streams/errors.ts';
import { compactBatches, visitKeys } from '../compaction.ts';

interface Entry {
  readonly base: number;
  readonly last: number;
  /** Absent for a marker, and where an abort or compaction took the data. */
  readonly bytes: Buffer | undefined;
  readonly maxTimestamp: number;
}

export class PartitionLog {
  start = 0;
  /** Where the next batch goes. */
  end = 0;
  readonly listeners = new Set<() => void>();
  readonly #topic: TopicSpec;
  readonly #partition: number;
  #entries: Entry[] = [];
  #lastStamp = 0;
  /** Producer id → first offset of its open transaction. */
  readonly #open = new Map<number, { readonly first: number; readonly entries: Entry[] }>();
  /** Producer id → the next sequence number of its epoch. */
  readonly #sequences = new Map<number, { readonly epoch: number; next: number }>();

  constructor(topic: TopicSpec, partition: number) {
    this.#topic = topic;
    this.#partition = partition;
  }

  /** Everything below is decided. */
  get lastStableOffset(): number {
    let stable = this.end;
    for (const { first } of this.#open.values()) stable = Math.min(stable, first);
    return stable;
  }

  /** The next sequence number that is taken from a producer. */
  sequence({ producerId, epoch }: Identity): number {
    const known = this.#sequences.get(producerId);
    return known?.epoch === epoch ? known.next : 0;
  }

  /** Copies the batch, seals and appends it. The caller has checked size, fence and sequence. */
  append(source: Buffer, now: number, producer: Identity, transactional: boolean): ProducedOffset {
    const bytes = Buffer.from(source);
    const append = this.#topic.config.timestampType === 'append';
    if (append) this.#lastStamp = Math.max(this.#lastStamp, now);
    const sequence = this.sequence(producer);
    const seal: Seal = { producer: { id: producer.producerId, epoch: producer.epoch, sequence }, transactional };
    sealBatch(bytes, append ? { ...seal, appendTime: this.#lastStamp } : seal);
    placeBatch(bytes, this.end, 0);
    const { baseOffset, lastOffset, count, maxTimestamp } = readHeader(bytes);
    const entry: Entry = { base: baseOffset, last: lastOffset, bytes, maxTimestamp };
    this.#push(entry);
    this.#sequences.set(producer.producerId, { epoch: producer.epoch, next: sequence + count });
    if (transactional) {
      const open = this.#open.get(producer.producerId);
      if (open === undefined) this.#open.set(producer.producerId, { first: entry.base, entries: [entry] });
      else open.entries.push(entry);
    } else {
      this.notify();
    }
    const timestamp = append ? this.#lastStamp : -1;
    return { topic: this.#topic.name, partition: this.#partition, baseOffset, count, timestamp, leaderEpoch: 0 };
  }

  /** Ends the producer's transaction here; its marker takes an offset. */
  endTransaction(producerId: number, commit: boolean): void {
    const open = this.#open.get(producerId);
    if (open === undefined) return;
    this.#open.delete(producerId);
    if (!commit) {
      const aborted = new Set(open.entries);
      this.#entries = this.#entries.map((entry) => (aborted.has(entry) ? { ...entry, bytes: undefined } : entry));
    }
    this.#push({ base: this.end, last: this.end, bytes: undefined, maxTimestamp: -1 });
    this.notify();
  }

  /** @throws GavelError `OFFSET_OUT_OF_RANGE` */
  read(offset: number, maxBytes: number): LogRead {
    if (offset < this.start || offset > this.end) throw this.#outOfRange(offset);
    const lastStableOffset = this.lastStableOffset;
    const batches: Buffer[] = [];
    let position = offset;
    let bytes = 0;
    for (let i = this.#indexOf(offset); i < this.#entries.length; i++) {
      const entry = this.#entries[i] as Entry;
      if (entry.base >= lastStableOffset) break;
      if (entry.bytes !== undefined) {
        if (batches.length > 0 && bytes + entry.bytes.length > maxBytes) return { batches, position, lastStableOffset };
        batches.push(entry.bytes);
        bytes += entry.bytes.length;
      }
      position = entry.last + 1;
    }
    return { batches, position: Math.max(position, lastStableOffset), lastStableOffset };
  }

  /** The first offset with a record time ≥ `time`, else the last stable offset. */
  offsetAt(time: number): number {
    const stable = this.lastStableOffset;
    const reader = new BatchReader();
    for (const { base, bytes, maxTimestamp } of this.#entries) {
      if (base >= stable) break;
      if (bytes === undefined || maxTimestamp < time) continue;
      reader.open(bytes);
      while (reader.next()) if (reader.timestamp >= time && reader.offset >= this.start) return reader.offset;
    }
    return stable;
  }

  /** Drops everything below. @throws GavelError `OFFSET_OUT_OF_RANGE` */
  deleteBefore(offset: number): void {
    if (offset > this.end) throw this.#outOfRange(offset);
    if (offset <= this.start) return;
    this.start = offset;
    this.#entries = this.#entries.slice(this.#indexOf(offset));
    this.notify();
  }

  /** Keeps the latest record of each key among the stable ones; the others leave gaps, like the markers. */
  compact(dropTombstones: boolean): void {
    const stable = this.lastStableOffset;
    const settled = this.#entries.filter(({ base }) => base < stable);
    const batches = settled.flatMap(({ bytes }) => bytes ?? []);
    const latest = new Map<string, number>();
    for (const bytes of batches) visitKeys(bytes, (key, offset) => latest.set(key, offset));
    const kept = compactBatches(batches, (key, offset, isTombstone) => {
      return latest.get(key) === offset && !(isTombstone && dropTombstones);
    });
    this.#entries = [...kept.batches, ...this.#entries.slice(settled.length)];
  }

  notify(): void {
    for (const listener of this.listeners) listener();
  }

  #push(entry: Entry): void {
    this.#entries.push(entry);
    this.end = entry.last + 1;
  }

  /** Index of the first entry that ends at or behind the offset. */
  #indexOf(offset: number): number {
    let low = 0;
    let high = this.#entries.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if ((this.#entries[middle] as Entry).last < offset) low = middle + 1;
      else high = middle;
    }
    return low;
  }

  #outOfRange(offset: number): GavelError {
    const where = `${this.#topic.name}:${this.#partition}`;
    return new GavelError(
      'OFFSET_OUT_OF_RANGE',
      `${where} has the offsets ${this.start} to ${this.end}, not ${offset}`,
    );
  }
}
