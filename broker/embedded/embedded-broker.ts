/** The default broker: a durable, partitioned log in this process, in one LevelDB. Not a cluster and never to become one. */

import { randomBytes, randomUUID } from 'node:crypto';
import type {
  Broker,
  Fetcher,
  FetcherOptions,
  PartitionOffset,
  Producer,
  TopicDescription,
  TopicPartition,
  TransactionalProducer,
} from '../../streams/broker.ts';
import type { Clock } from '../../streams/time.ts';
import type { TopicSpec } from '../../streams/topic.ts';
import type { Identity } from '../transaction-ids.ts';
import type { Databases, Owner } from './databases.ts';
import type { GroupWrite } from './group-write.ts';
import type { MetaRow, OffsetRow, TopicRow } from './keys.ts';
import type { EmbeddedWork } from './producers.ts';
import { GavelError } from '../../streams/errors.ts';
import { systemClock } from '../../streams/time.ts';
import { GroupOffsets } from '../group-offsets.ts';
import { GroupCoordinator } from '../groups.ts';
import { LogFetcher } from '../log-fetcher.ts';
import { checkTopic } from '../topic-checks.ts';
import { TransactionIds } from '../transaction-ids.ts';
import { LocalTransactionalProducer } from '../transactional-producer.ts';
import { Cleaner } from './cleaner.ts';
import { openDatabases } from './databases.ts';
import { FreeSpace } from './free-space.ts';
import { EmbeddedGroups } from './groups.ts';
import {
  FORMAT_VERSION,
  META_KEY,
  deletedRowKey,
  fromJson,
  offsetRowKey,
  jsonRow,
  offsetRowOf,
  rowsOf,
  textOf,
  topicRowKey,
} from './keys.ts';
import { LogIndex } from './log-index.ts';
import { LogReader } from './log-reader.ts';
import { EmbeddedLog } from './log.ts';
import { EmbeddedProducer, EmbeddedTransactions } from './producers.ts';
import { LogWriter } from './writer.ts';

export interface EmbeddedBrokerOptions {
  /** Where the log lies; created if missing. One owner at a time. */
  readonly directory: string;
  /** Whom a second owner is told about. */
  readonly owner: Owner;
  /** What an answered write survives: `power` a power cut (one fsync per group of writes), `process` a killed process. Default `power`. */
  readonly durability?: 'power' | 'process';
  /** Default the system's. */
  readonly clock?: Clock;
  /** Newest batches kept in memory, in bytes over all partitions. Default 64 MiB. */
  readonly tailCacheBytes?: number;
  /** After that long an open transaction is aborted and its producer fenced. Default 60,000 ms. */
  readonly transactionTimeoutMs?: number;
  /** Milliseconds between two looks for expired and deleted records. Default 60,000. */
  readonly retentionCheckMs?: number;
  /** Bytes appended to a compacted partition before it is compacted, if that is more than stayed of the last time. Default 64 MiB. */
  readonly compactAfterBytes?: number;
  /** Keys that a compaction remembers at a time, some 100 bytes each. Default 250,000. */
  readonly compactionKeysMax?: number;
  /** Bytes of the log that its index may lag behind: what is read again after a crash, and kept in memory at least. Default 8 MiB. */
  readonly indexFlushBytes?: number;
  /** Writes are refused while fewer bytes are free on the disk. Default 64 MiB. */
  readonly minFreeBytes?: number;
  /** Told where cleaning failed. The records stay; whoever reads a damaged partition gets the same error. Default nobody. */
  readonly onCleaningError?: (error: GavelError) => void;
}

export interface EmbeddedBroker extends Broker {
  readonly kind: 'embedded';
  /** Does at once, and completely, what else happens in the background: retention, compaction, freeing the disk. */
  clean(): Promise<void>;
}

const DEFAULTS = Object.freeze({
  durability: 'power',
  clock: systemClock,
  tailCacheBytes: 67_108_864,
  transactionTimeoutMs: 60_000,
  retentionCheckMs: 60_000,
  compactAfterBytes: 67_108_864,
  compactionKeysMax: 250_000,
  indexFlushBytes: 8_388_608,
  minFreeBytes: 67_108_864,
  onCleaningError: () => {},
} as const) satisfies Partial<EmbeddedBrokerOptions>;

/** @throws GavelError `DIRECTORY_OWNED` naming the owner, `LOG_CORRUPT`, `STORAGE_FULL` */
export async function openEmbeddedBroker(options: EmbeddedBrokerOptions): Promise<EmbeddedBroker> {
  const settings = { ...DEFAULTS, ...options };
  const databases = await openDatabases(settings.directory, settings.owner, settings.clock.now());
  try {
    const broker = new Embedded(databases, settings);
    await broker.open();
    return broker;
  } catch (error) {
    await databases.release();
    throw error;
  }
}

class Embedded implements EmbeddedBroker {
  readonly kind = 'embedded';
  readonly groups: EmbeddedGroups;
  readonly #databases: Databases;
  readonly #index: LogIndex;
  readonly #reader: LogReader;
  readonly #writer: LogWriter;
  readonly #log: EmbeddedLog;
  readonly #cleaner: Cleaner;
  readonly #coordinator: GroupCoordinator;
  readonly #offsets = new GroupOffsets();
  readonly #transactions: TransactionIds<EmbeddedWork>;
  readonly #fetchers = new Set<Fetcher>();
  #meta: MetaRow = { format: FORMAT_VERSION, opened: 0, nextTopicNumber: 1 };
  #producers = 0;
  #closing: Promise<void> | undefined;

  constructor(databases: Databases, settings: Required<EmbeddedBrokerOptions>) {
    const { directory, clock, minFreeBytes, tailCacheBytes } = settings;
    const { log, index } = databases;
    this.#databases = databases;
    const space = new FreeSpace({ directory, minFreeBytes });
    this.#writer = new LogWriter({ log, fsync: settings.durability === 'power', space });
    this.#index = new LogIndex({
      log,
      index,
      flushBytes: settings.indexFlushBytes,
      syncLog: () => this.#writer.sync(),
      onFlush: () => this.#log.evict(this.#index.flushedTo),
    });
    this.#reader = new LogReader(log, this.#index);
    this.#log = new EmbeddedLog({ index, reader: this.#reader, clock, tailCacheBytes });
    this.#cleaner = new Cleaner({
      ...settings,
      databases,
      log: this.#log,
      index: this.#index,
      reader: this.#reader,
      writer: this.#writer,
      onError: settings.onCleaningError,
    });
    this.#log.onDirty = (partition) => this.#cleaner.compactIfDirty(partition);
    this.#coordinator = new GroupCoordinator({ clock, newSuffix: () => randomBytes(8).toString('hex') });
    this.groups = new EmbeddedGroups(this.#coordinator, this.#offsets, this.#writer);
    this.#transactions = new TransactionIds<EmbeddedWork>({
      clock,
      timeoutMs: settings.transactionTimeoutMs,
      coordinator: this.#coordinator,
      offsets: this.#offsets,
      newProducerId: () => this.#newProducerId(),
      newWork: () => [],
      abort: () => {},
    });
  }

  async open(): Promise<void> {
    const { index } = this.#databases;
    this.#writer.open(this.#index, await this.#index.open());
    const meta = await index.get(META_KEY);
    if (meta !== undefined) this.#meta = fromJson<MetaRow>(meta);
    if (this.#meta.format !== FORMAT_VERSION) throw foreignFormat(this.#meta.format);
    this.#meta = { ...this.#meta, opened: this.#meta.opened + 1 };
    await this.#submit((write) => {
      write.putRows(jsonRow(META_KEY, this.#meta));
      return () => undefined;
    });
    for await (const [key, value] of index.iterator(rowsOf('o'))) {
      const [groupId, topic, partition] = offsetRowOf(key);
      this.#offsets.apply(groupId, [{ topic, partition, ...fromJson<OffsetRow>(value) }]);
    }
    for await (const [key, value] of index.iterator(rowsOf('x'))) {
      this.#transactions.restore(textOf(key), fromJson<Identity>(value));
    }
    await this.#log.open();
    this.#cleaner.start();
  }

  async createTopics(topics: readonly TopicSpec[]): Promise<void> {
    await this.#submit((write) => {
      for (const spec of topics) checkTopic(spec, this.#log.topics.get(spec.name));
      for (const { name, partitions, config } of topics) {
        if (this.#log.topics.has(name)) continue;
        const row: TopicRow = { number: this.#meta.nextTopicNumber, id: randomUUID(), partitions, config };
        this.#meta = { ...this.#meta, nextTopicNumber: row.number + 1 };
        this.#log.add(name, row);
        write.putRows(jsonRow(topicRowKey(name), row));
      }
      write.putRows(jsonRow(META_KEY, this.#meta));
      return () => undefined;
    });
  }

  async describeTopics(names?: readonly string[]): Promise<readonly TopicDescription[]> {
    this.#assertOpen();
    const wanted = names === undefined ? undefined : new Set(names);
    return [...this.#log.topics.values()]
      .filter(({ name }) => wanted?.has(name) ?? true)
      .map(({ name, partitions, config, id }) => ({ name, partitions, config, id }))
      .sort((a, b) => (a.name < b.name ? -1 : 1));
  }

  async deleteTopics(names: readonly string[]): Promise<void> {
    await this.#submit((write) => {
      const topics = names.flatMap((name) => this.#log.topics.get(name) ?? []);
      for (const topic of topics) {
        this.#log.remove(topic);
        write.putRows({ key: topicRowKey(topic.name), value: null });
        write.putRows({ key: deletedRowKey(topic.number), value: Buffer.alloc(0) });
        for (const { groupId, partitions } of this.#offsets.deleteTopic(topic.name)) {
          for (const { partition } of partitions) {
            write.putRows({ key: offsetRowKey(groupId, topic.name, partition), value: null });
          }
        }
      }
      return () => undefined;
    });
  }

  async deleteRecords(before: readonly PartitionOffset[]): Promise<void> {
    this.#assertOpen();
    const moves = before.map(({ topic, partition: index, offset }) => {
      const partition = this.#log.partition(topic, index);
      partition.checkOffset(Math.max(offset, partition.start));
      return { partition, offset };
    });
    await this.#cleaner.moveStart(moves);
  }

  async listOffsets(
    partitions: readonly TopicPartition[],
    at: 'earliest' | 'latest' | number,
  ): Promise<readonly PartitionOffset[]> {
    this.#assertOpen();
    const answer = async ({ topic, partition: index }: TopicPartition): Promise<PartitionOffset> => {
      const partition = this.#log.partition(topic, index);
      if (typeof at === 'number')
        return { topic, partition: index, offset: await this.#reader.offsetAt(partition, at) };
      return { topic, partition: index, offset: at === 'earliest' ? partition.start : partition.end };
    };
    return Promise.all(partitions.map(answer));
  }

  fetcher(options?: FetcherOptions): Fetcher {
    const fetcher = new LogFetcher(this.#log, options, () => this.#fetchers.delete(fetcher));
    this.#fetchers.add(fetcher);
    return fetcher;
  }

  producer(): Producer {
    return new EmbeddedProducer(this.#log, this.#writer, this.#newProducerId());
  }

  transactionalProducer(transactionalId: string): TransactionalProducer {
    const options = { transactionalId, log: this.#log, writer: this.#writer, ids: this.#transactions };
    return new LocalTransactionalProducer(new EmbeddedTransactions(options));
  }

  clean(): Promise<void> {
    return this.#cleaner.clean();
  }

  close(): Promise<void> {
    this.#closing ??= this.#close();
    return this.#closing;
  }

  /** Aborts what is open, lets writes under way finish, and gives the directory free. */
  async #close(): Promise<void> {
    this.#transactions.close();
    this.#coordinator.close(new GavelError('BROKER_CLOSED', 'the broker is closed'));
    for (const fetcher of this.#fetchers) await fetcher.close();
    const written = this.#writer.close();
    await this.#cleaner.close();
    await written;
    try {
      await this.#index.flush();
    } finally {
      await this.#databases.release();
    }
  }

  #submit(prepare: (write: GroupWrite) => () => void): Promise<void> {
    return this.#writer.submit({ bytes: 0, durable: true, prepare });
  }

  #newProducerId(): number {
    return this.#meta.opened * 1_000_000 + ++this.#producers;
  }

  #assertOpen(): void {
    if (this.#closing !== undefined) throw new GavelError('BROKER_CLOSED', 'the broker is closed');
  }
}

function foreignFormat(format: number): GavelError {
  return new GavelError('LOG_CORRUPT', `the log has format ${format}, this version reads ${FORMAT_VERSION}`, {
    hint: 'Use the version that wrote it, or start with an empty directory.',
  });
}
