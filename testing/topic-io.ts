/** Writes and reads typed records of topics for tests. */

import type { Broker, ProducedBatch } from '../streams/broker.ts';
import { partitionOf } from '../streams/partitioner.ts';
import { NO_HEADERS } from '../streams/record.ts';
import type { Header } from '../streams/record.ts';
import { BatchReader, BatchWriter } from '../streams/record-batch/index.ts';
import { serializeToBuffer } from '../streams/serde.ts';
import type { Topic } from '../streams/topic.ts';

export interface InputRecord<K, V> {
  readonly key: K | null;
  readonly value: V | null;
  /** Default the clock's time. */
  readonly timestamp?: number;
  readonly headers?: readonly Header[];
  /** Default by the key. */
  readonly partition?: number;
}

export interface OutputRecord<K, V> {
  readonly key: K | null;
  readonly value: V | null;
  readonly timestamp: number;
  readonly headers: readonly Header[];
  readonly partition: number;
  readonly offset: number;
}

/** Batches of the records, in their order per partition. */
export function batchesOf<K, V>(
  topic: Topic<K, V>,
  records: readonly InputRecord<K, V>[],
  now: number,
): ProducedBatch[] {
  const writers = new Map<number, BatchWriter>();
  for (const { key, value, timestamp = now, headers = NO_HEADERS, partition } of records) {
    const keyBytes = key === null ? null : serializeToBuffer(topic.key, key);
    const at = partition ?? (keyBytes === null ? 0 : partitionOf(keyBytes, topic.partitions));
    let writer = writers.get(at);
    if (writer === undefined) writers.set(at, (writer = new BatchWriter()));
    writer.start(timestamp);
    writer.keyBytes(keyBytes);
    if (value === null) writer.valueBytes(null);
    else writer.value(topic.value, value);
    writer.end(headers);
  }
  return [...writers].map(([partition, writer]) => ({ topic: topic.name, partition, ...writer.take() }));
}

/** Reads committed records from the positions (by partition; moved on) to the present end. */
export async function readNew<K, V>(
  broker: Broker,
  topic: Topic<K, V>,
  positions: Map<number, number>,
): Promise<OutputRecord<K, V>[]> {
  const partitions = Array.from({ length: topic.partitions }, (_, partition) => ({ topic: topic.name, partition }));
  const ends = await broker.listOffsets(partitions, 'latest');
  const { promise: news, resolve: first } = Promise.withResolvers<void>();
  let wake = first;
  let waiting = news;
  const fetcher = broker.fetcher({ onReady: () => wake() });
  const records: OutputRecord<K, V>[] = [];
  const reader = new BatchReader();
  const behind = ends.filter(({ partition, offset }) => (positions.get(partition) ?? 0) < offset);
  for (const { partition } of behind) fetcher.assign(topic.name, partition, positions.get(partition) ?? 0);
  while (behind.some(({ partition, offset }) => (positions.get(partition) ?? 0) < offset)) {
    await waiting;
    ({ promise: waiting, resolve: wake } = Promise.withResolvers<void>());
    for (const part of fetcher.poll()) {
      if (part.error !== undefined) throw part.error;
      let { from } = part;
      for (const batch of part.batches) {
        reader.open(batch);
        while (reader.next()) if (reader.offset >= from) records.push(decode(topic, part.partition, reader));
        from = 0;
      }
      positions.set(part.partition, part.position);
    }
  }
  await fetcher.close();
  return records;
}

function decode<K, V>(topic: Topic<K, V>, partition: number, reader: BatchReader): OutputRecord<K, V> {
  const key = reader.key();
  const value = reader.value();
  return {
    key: key === null ? null : topic.key.deserialize(key),
    value: value === null ? null : topic.value.deserialize(Buffer.from(value)),
    timestamp: reader.timestamp,
    headers: reader.headers(),
    partition,
    offset: reader.offset,
  };
}
