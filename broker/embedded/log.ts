/** The topics of the embedded log: opened from their rows, appended to, read from memory or disk. */

import type { ProducedBatch } from '../../streams/broker.ts';
import type { Clock } from '../../streams/time.ts';
import type { LogRead, LogSource, ReadRequest } from '../log-fetcher.ts';
import type { LogLevel } from './disk-reads.ts';
import type { PartitionRow, TopicRow } from './keys.ts';
import type { EmbeddedTopic, StagedBatch } from './partition.ts';
import type { Operation } from './writer.ts';
import { checkBatch, topicUnknown } from '../topic-checks.ts';
import { readHeader } from '../../streams/record-batch/index.ts';
import { readLog } from './disk-reads.ts';
import { batchKey, fromJson, lastOffsetOf, partitionRowKey, rowsOf } from './keys.ts';
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
  readonly db: LogLevel;
  readonly clock: Clock;
  readonly tailCacheBytes: number;
}

export class EmbeddedLog implements LogSource {
  readonly topics = new Map<string, EmbeddedTopic>();
  /** Called after an append to a compacted topic. */
  onDirty: (partition: Partition) => void = () => {};
  readonly #db: LogLevel;
  readonly #clock: Clock;
  readonly #tails: TailCache;

  constructor({ db, clock, tailCacheBytes }: EmbeddedLogOptions) {
    this.#db = db;
    this.#clock = clock;
    this.#tails = new TailCache(tailCacheBytes);
  }

  /** Finds the topics and the ends of their partitions: a few seeks per partition, no scan. */
  async open(): Promise<void> {
    for (const [key, value] of await this.#db.iterator(rowsOf('t')).all()) {
      const topic = this.add(key.toString('utf8', 1), fromJson<TopicRow>(value));
      topic.logs = await Promise.all(topic.logs.map(({ index }) => this.#openPartition(topic, index)));
    }
  }

  /** Makes a new, empty topic known. */
  add(name: string, { number, id, partitions, config }: TopicRow): EmbeddedTopic {
    const topic: EmbeddedTopic = { name, partitions, config, id, number, logs: [] };
    topic.logs = Array.from({ length: partitions }, (_, index) => new Partition(topic, index, EMPTY, 0));
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
    operations: Operation[],
  ): StagedBatch[] {
    for (const { partition } of batches) if (partition.deleted) throw topicUnknown(partition.topic.name);
    const now = this.#clock.now();
    const { producerId: id, epoch, sequences } = producer;
    return batches.map(({ partition, bytes, count }) => {
      const sequence = sequences.get(partition) ?? 0;
      sequences.set(partition, (sequence + count) & 0x7fff_ffff);
      const staged = partition.stage(bytes, count, now, { producer: { id, epoch, sequence }, transactional });
      operations.push({ type: 'put', key: partition.batchKey(staged.last), value: staged.bytes });
      return staged;
    });
  }

  /** Shows written batches to the readers. */
  reveal(staged: readonly StagedBatch[]): void {
    const touched = new Set<Partition>();
    for (const { partition, last, bytes } of staged) {
      partition.end = last + 1;
      partition.dirtyBytes += bytes.length;
      this.#tails.push(partition.tail, last, bytes);
      touched.add(partition);
    }
    for (const partition of touched) {
      partition.notify();
      if (partition.topic.config.cleanup === 'compact') this.onDirty(partition);
    }
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
    log.checkOffset(offset);
    return readLog(this.#db, log, offset, maxBytes);
  }

  watch(topic: string, partition: number, listener: () => void): () => void {
    const log = this.topics.get(topic)?.logs[partition];
    log?.listeners.add(listener);
    return () => log?.listeners.delete(listener);
  }

  async #openPartition(topic: EmbeddedTopic, index: number): Promise<Partition> {
    const { number, config } = topic;
    const stored = await this.#db.get(partitionRowKey(number, index));
    const row = stored === undefined ? EMPTY : fromJson<PartitionRow>(stored);
    const batches = { gte: batchKey(number, index, 0), lt: batchKey(number, index + 1, 0) };
    const [last] = await this.#db.keys({ ...batches, reverse: true, limit: 1 }).all();
    const end = Math.max(row.end, last === undefined ? 0 : lastOffsetOf(last) + 1);
    const newest = last === undefined || config.timestampType === 'create' ? undefined : await this.#db.get(last);
    const lastStamp = newest === undefined ? 0 : readHeader(newest).maxTimestamp;
    const partition = new Partition(topic, index, { ...row, end }, lastStamp);
    if (config.cleanup === 'compact') {
      partition.dirtyBytes = await this.#db.approximateSize(batchKey(number, index, row.cleanedTo), batches.lt);
    }
    return partition;
  }
}

const EMPTY: PartitionRow = { start: 0, end: 0, cleanedTo: 0, cleanBytes: 0, passes: [] };
