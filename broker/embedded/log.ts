/** The topics of the embedded log: opened from their rows, appended to, read from memory or disk. */

import type { ProducedBatch } from '../../streams/broker.ts';
import type { Clock } from '../../streams/time.ts';
import type { LogRead, LogSource, ReadRequest } from '../log-fetcher.ts';
import type { Level } from './databases.ts';
import type { GroupWrite } from './group-write.ts';
import type { PartitionRow, TopicRow } from './keys.ts';
import type { LogReader } from './log-reader.ts';
import type { EmbeddedTopic, StagedBatch } from './partition.ts';
import { checkBatch, topicUnknown } from '../topic-checks.ts';
import { batchPlaceOf, batchRowKey, fromJson, partitionRowKey, rowsOf, textOf } from './keys.ts';
import { Partition } from './partition.ts';
import { TailCache } from './tail-cache.ts';

/** A batch whose partition and size were checked. */
export interface AcceptedBatch {
  readonly partition: Partition;
  readonly bytes: Buffer;
  readonly count: number;
}

/** Who appends; sequence numbers go on per partition. */
export interface AppendingProducer {
  readonly producerId: number;
  readonly epoch: number;
  readonly sequences: Map<Partition, number>;
}

export interface EmbeddedLogOptions {
  readonly index: Level;
  readonly reader: LogReader;
  readonly clock: Clock;
  readonly tailCacheBytes: number;
}

export class EmbeddedLog implements LogSource {
  readonly topics = new Map<string, EmbeddedTopic>();
  /** Called after an append to a compacted topic. */
  onDirty: (partition: Partition) => void = () => {};
  readonly #index: Level;
  readonly #reader: LogReader;
  readonly #clock: Clock;
  readonly #tails: TailCache;

  constructor({ index, reader, clock, tailCacheBytes }: EmbeddedLogOptions) {
    this.#index = index;
    this.#reader = reader;
    this.#clock = clock;
    this.#tails = new TailCache(tailCacheBytes);
  }

  /** Finds the topics and the ends of their partitions: a few seeks per partition, no scan. */
  async open(): Promise<void> {
    for (const [key, value] of await this.#index.iterator(rowsOf('t')).all()) {
      const topic = this.add(textOf(key), fromJson<TopicRow>(value));
      topic.logs = await Promise.all(topic.logs.map(({ index }) => this.#openPartition(topic, index)));
    }
  }

  /** Makes a new, empty topic known. */
  add(name: string, { number, id, partitions, config }: TopicRow): EmbeddedTopic {
    const topic: EmbeddedTopic = { name, partitions, config, id, number, logs: [] };
    topic.logs = Array.from({ length: partitions }, (_, index) => new Partition(topic, index, EMPTY));
    this.topics.set(name, topic);
    return topic;
  }

  /** Forgets a topic: its readers find out. */
  remove(topic: EmbeddedTopic): void {
    this.topics.delete(topic.name);
    for (const partition of topic.logs) {
      partition.deleted = true;
      partition.notify();
    }
  }

  /** @throws GavelError `TOPIC_UNKNOWN` */
  partition(topic: string, index: number): Partition {
    const logs = this.topics.get(topic)?.logs;
    if (logs === undefined) throw topicUnknown(topic);
    const partition = logs[index];
    if (partition === undefined) throw topicUnknown(topic, index);
    return partition;
  }

  /** Checks batches before they are taken. @throws GavelError `TOPIC_UNKNOWN`, `RECORD_TOO_LARGE`, `BATCH_CORRUPT` */
  accept(batches: readonly ProducedBatch[]): AcceptedBatch[] {
    return batches.map((batch) => {
      const partition = this.partition(batch.topic, batch.partition);
      checkBatch(batch, partition.topic.config.maxMessageBytes);
      return { partition, bytes: batch.bytes, count: batch.count };
    });
  }

  /** Gives accepted batches their offsets and stamps; all or none. @throws GavelError `TOPIC_UNKNOWN` where a topic has gone since */
  stage(
    batches: readonly AcceptedBatch[],
    producer: AppendingProducer,
    transactional: boolean,
    write: GroupWrite,
  ): StagedBatch[] {
    for (const { partition } of batches) if (partition.deleted) throw topicUnknown(partition.topic.name);
    const now = this.#clock.now();
    const { producerId: id, epoch, sequences } = producer;
    return batches.map(({ partition, bytes, count }) => {
      const sequence = sequences.get(partition) ?? 0;
      sequences.set(partition, (sequence + count) & 0x7fff_ffff);
      return partition.stage(write, bytes, { producer: { id, epoch, sequence }, transactional }, now);
    });
  }

  /** Shows written batches to the readers. */
  reveal(staged: readonly StagedBatch[]): void {
    const touched = new Set<Partition>();
    for (const { partition, last, bytes, sequence } of staged) {
      partition.end = last + 1;
      partition.dirtyBytes += bytes.length;
      this.#tails.push(partition.tail, last, bytes, sequence);
      touched.add(partition);
    }
    for (const partition of touched) {
      partition.notify();
      if (partition.topic.config.cleanup === 'compact') this.onDirty(partition);
    }
  }

  /** Keeps the tails within their bound, as far as the index has their batches. */
  evict(flushedTo: number): void {
    this.#tails.evict(flushedTo);
  }

  inMemory(topic: string, partition: number, offset: number): boolean {
    const log = this.topics.get(topic)?.logs[partition];
    return log === undefined || offset >= log.tail.from || offset < log.start;
  }

  peek({ topic, partition, offset, maxBytes }: ReadRequest): LogRead | undefined {
    return this.partition(topic, partition).peek(offset, maxBytes);
  }

  async load({ topic, partition, offset, maxBytes }: ReadRequest): Promise<LogRead> {
    const log = this.partition(topic, partition);
    const held = log.peek(offset, maxBytes);
    if (held !== undefined) return held;
    const read = await this.#reader.fetch(log, offset, maxBytes);
    if (log.deleted) throw topicUnknown(topic);
    log.checkOffset(offset); // it may have been dropped meanwhile
    return read;
  }

  watch(topic: string, partition: number, listener: () => void): () => void {
    const log = this.topics.get(topic)?.logs[partition];
    log?.listeners.add(listener);
    return () => log?.listeners.delete(listener);
  }

  async #openPartition(topic: EmbeddedTopic, index: number): Promise<Partition> {
    const stored = await this.#index.get(partitionRowKey(topic.number, index));
    const row = stored === undefined ? EMPTY : fromJson<PartitionRow>(stored);
    const batches = { gte: batchRowKey(topic.number, index, 0), lt: batchRowKey(topic.number, index + 1, 0) };
    const [newest] = await this.#index.iterator({ ...batches, reverse: true, limit: 1 }).all();
    if (newest === undefined) return new Partition(topic, index, row);
    const { last, maxTimestamp } = batchPlaceOf(...newest);
    const lastStamp = topic.config.timestampType === 'append' ? Math.max(row.lastStamp, maxTimestamp) : row.lastStamp;
    return new Partition(topic, index, { ...row, end: Math.max(row.end, last + 1), lastStamp });
  }
}

const EMPTY: PartitionRow = { start: 0, end: 0, lastStamp: 0, cleanedTo: 0, cleanBytes: 0, passes: [] };
