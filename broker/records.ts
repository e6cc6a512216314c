/** Records one by one for the edges: reading ranges of logs, and sending typed records. Not for the engine's path. */

import type { Broker, FetchedPartition, ProducedBatch, ProducedOffset, TopicPartition } from '../streams/broker.ts';
import type { Header } from '../streams/record.ts';
import type { Clock } from '../streams/time.ts';
import type { Topic } from '../streams/topic.ts';
import { partitionKey } from '../streams/broker.ts';
import { partitionOf } from '../streams/partitioner.ts';
import { BatchReader, BatchWriter } from '../streams/record-batch/index.ts';
import { NO_HEADERS } from '../streams/record.ts';
import { serializeToBuffer } from '../streams/serde.ts';
import { systemClock } from '../streams/time.ts';

/** A record as its bytes, which belong to a larger buffer. */
export interface RawRecord extends TopicPartition {
  readonly offset: number;
  readonly timestamp: number;
  readonly key: Buffer | null;
  readonly value: Buffer | null;
  readonly headers: readonly Header[];
}

/** Offsets from `from` on, below `to`. */
export interface RecordRange extends TopicPartition {
  readonly from: number;
  readonly to: number;
}

/**
 * The committed records of the ranges, in order per partition; partitions interleave. Waits for what is not there yet
 * and ends when every position has come to its `to`.
 * @throws GavelError `OFFSET_OUT_OF_RANGE`, `TOPIC_UNKNOWN`, `LOG_CORRUPT`
 */
export async function* readRecords(broker: Broker, ranges: readonly RecordRange[]): AsyncGenerator<RawRecord, void> {
  const left = new Map<string, RecordRange>();
  let news = Promise.withResolvers<void>();
  const fetcher = broker.fetcher({ onReady: () => news.resolve() });
  try {
    for (const range of ranges) {
      if (range.from >= range.to) continue;
      left.set(partitionKey(range.topic, range.partition), range);
      fetcher.assign(range.topic, range.partition, range.from);
    }
    while (left.size > 0) {
      news = Promise.withResolvers<void>();
      const polled = fetcher.poll();
      if (polled.length === 0) await news.promise;
      for (const fetched of polled) {
        const key = partitionKey(fetched.topic, fetched.partition);
        const { to } = left.get(key) as RecordRange;
        yield* recordsOf(fetched, to);
        if (fetched.position < to) continue;
        left.delete(key);
        fetcher.unassign(fetched.topic, fetched.partition);
      }
    }
  } finally {
    await fetcher.close();
  }
}

function* recordsOf({ topic, partition, batches, from, error }: FetchedPartition, to: number): Generator<RawRecord> {
  if (error !== undefined) throw error;
  const reader = new BatchReader();
  for (const bytes of batches) {
    reader.open(bytes);
    while (reader.next()) {
      const { offset, timestamp } = reader;
      if (offset < from) continue;
      if (offset >= to) return;
      yield {
        topic,
        partition,
        offset,
        timestamp,
        key: reader.key(),
        value: reader.value(),
        headers: reader.headers(),
      };
    }
  }
}

/** A record to send. */
export interface OutgoingRecord<K, V> {
  readonly key: K | null;
  readonly value: V | null;
  /** Milliseconds since the epoch. Default now. */
  readonly timestamp?: number;
  readonly headers?: readonly Header[];
  /** Default by the key as Kafka's Java client does it; without a key, one after the other per `send`. */
  readonly partition?: number;
}

/** Sends typed records, each exactly once, in order per partition. */
export interface RecordProducer {
  /**
   * Answers where the batches went: as many as it took, in order per partition.
   * @throws GavelError `TOPIC_UNKNOWN`, `RECORD_TOO_LARGE`, `STORAGE_FULL`, `OUTCOME_UNKNOWN`; what was sent before stays.
   */
  send<K, V>(topic: Topic<K, V>, records: readonly OutgoingRecord<K, V>[]): Promise<readonly ProducedOffset[]>;
  close(): Promise<void>;
}

/** Bytes of a batch at most, unless one record is larger: some room below the 1 MiB that topics take. */
const BATCH_BYTES_MAX = 700_000;
/** Bytes that are serialized before they are sent. */
const SEND_BYTES = 4_194_304;
/** What a record takes besides key, value and headers, at most; and a batch besides its records. */
const RECORD_OVERHEAD = 40;
const HEADER_OVERHEAD = 10;

export function recordProducer(broker: Broker, clock: Clock = systemClock): RecordProducer {
  const producer = broker.producer();
  const batches = new Batches();
  let keyless = 0;
  let last: Promise<unknown> = Promise.resolve();

  const partitionFor = <K, V>(topic: Topic<K, V>, record: OutgoingRecord<K, V>, key: Buffer | null): number => {
    if (record.partition !== undefined) return record.partition;
    return key === null ? keyless % topic.partitions : partitionOf(key, topic.partitions);
  };
  const send = async <K, V>(
    topic: Topic<K, V>,
    records: readonly OutgoingRecord<K, V>[],
  ): Promise<ProducedOffset[]> => {
    const produced: ProducedOffset[] = [];
    keyless++;
    batches.begin(topic);
    for (const record of records) {
      const key = record.key === null ? null : serializeToBuffer(topic.key, record.key);
      const value = record.value === null ? null : serializeToBuffer(topic.value, record.value);
      const { timestamp = clock.now(), headers = NO_HEADERS } = record;
      batches.add(partitionFor(topic, record, key), { timestamp, key, value, headers });
      if (batches.bytes >= SEND_BYTES) produced.push(...(await producer.produce(batches.take())));
    }
    if (batches.bytes > 0) produced.push(...(await producer.produce(batches.take())));
    return produced;
  };
  return {
    send(topic, records) {
      const sent = last.then(() => send(topic, records));
      last = sent.catch(() => undefined);
      return sent;
    },
    async close() {
      await last;
      await producer.close();
    },
  };
}

interface RecordBytes {
  readonly timestamp: number;
  readonly key: Buffer | null;
  readonly value: Buffer | null;
  readonly headers: readonly Header[];
}

/** Batches of one topic under construction. */
class Batches {
  /** About the size of all. */
  bytes = 0;
  #topic = '';
  #batchBytesMax = BATCH_BYTES_MAX;
  readonly #writers = new Map<number, BatchWriter>();
  #full: ProducedBatch[] = [];

  begin<K, V>({ name, config }: Topic<K, V>): void {
    this.#topic = name;
    this.#batchBytesMax = Math.min(BATCH_BYTES_MAX, config.maxMessageBytes);
    this.take(); // what a failed send left behind
  }

  add(partition: number, { timestamp, key, value, headers }: RecordBytes): void {
    let writer = this.#writers.get(partition);
    if (writer === undefined) {
      writer = new BatchWriter();
      this.#writers.set(partition, writer);
    }
    let size = RECORD_OVERHEAD + (key?.length ?? 0) + (value?.length ?? 0);
    for (const header of headers) size += HEADER_OVERHEAD + header.key.length * 3 + (header.value?.length ?? 0);
    if (writer.count > 0 && writer.position + size > this.#batchBytesMax) this.#close(partition, writer);
    writer.start(timestamp);
    writer.keyBytes(key);
    writer.valueBytes(value);
    writer.end(headers);
    this.bytes += size;
  }

  /** All of them, in order per partition; empty again. */
  take(): ProducedBatch[] {
    for (const [partition, writer] of this.#writers) if (writer.count > 0) this.#close(partition, writer);
    const batches = this.#full;
    this.#full = [];
    this.bytes = 0;
    return batches;
  }

  #close(partition: number, writer: BatchWriter): void {
    this.#full.push({ topic: this.#topic, partition, ...writer.take() });
  }
}
