/** A whole broker in memory for tests: Kafka's behaviour with its markers, fences and time-outs, and faults on demand. */

import { randomUUID } from 'node:crypto';
import type {
  Broker,
  CommittedOffset,
  Fetcher,
  FetcherOptions,
  GroupDescription,
  GroupMember,
  Groups,
  JoinAnswer,
  JoinRequest,
  OffsetCommit,
  PartitionOffset,
  Producer,
  SyncRequest,
  TopicDescription,
  TopicPartition,
  TransactionalProducer,
} from '../../streams/broker.ts';
import type { Clock } from '../../streams/time.ts';
import type { TopicSpec } from '../../streams/topic.ts';
import type { LogRead, LogSource, ReadRequest } from '../log-fetcher.ts';
import type { Interceptor } from './gate.ts';
import type { Append, Appended, MemoryWork } from './producers.ts';
import { GavelError } from '../../streams/errors.ts';
import { systemClock } from '../../streams/time.ts';
import { GroupOffsets } from '../group-offsets.ts';
import { GroupCoordinator } from '../groups.ts';
import { LogFetcher } from '../log-fetcher.ts';
import { TransactionIds } from '../transaction-ids.ts';
import { LocalTransactionalProducer } from '../transactional-producer.ts';
import { checkBatch, checkTopic, topicUnknown } from '../topic-checks.ts';
import { Gate } from './gate.ts';
import { PartitionLog } from './partition-log.ts';
import { MemoryProducer, MemoryTransactions } from './producers.ts';

export interface MemoryBrokerOptions {
  /** Default the system's. */
  readonly clock?: Clock;
  /** After that long an open transaction is aborted and its producer fenced. Default 60,000 ms. */
  readonly transactionTimeoutMs?: number;
}

/** What tests do to the broker behind its users' backs. */
export interface MemoryBrokerControl {
  /** Sees every request before it is applied; answers how to stop that. */
  intercept(interceptor: Interceptor): () => void;
  /** True where nothing happens any more without a new call, the clock, or a held request being let go. */
  idle(): boolean;
  /** The generation moves on: every member gets `ILLEGAL_GENERATION`. */
  bumpGeneration(groupId: string): void;
  /** Members are asked to join again. */
  rebalance(groupId: string): void;
  /** As if another producer had called `init` with the id. */
  fence(transactionalId: string): void;
  /** As if the member's session had timed out. */
  expire(memberId: string): void;
  /** Keeps the latest record of each key, which leaves gaps; tombstones stay unless told otherwise. */
  compact(topic: string, options?: { readonly dropTombstones?: boolean }): void;
}

export interface MemoryBroker extends Broker {
  readonly kind: 'memory';
  readonly control: MemoryBrokerControl;
}

export function memoryBroker(options: MemoryBrokerOptions = {}): MemoryBroker {
  return new InMemory(options);
}

interface TopicLogs extends TopicDescription {
  readonly logs: readonly PartitionLog[];
}

class InMemory implements MemoryBroker, LogSource {
  readonly kind = 'memory';
  readonly groups: Groups;
  readonly control: MemoryBrokerControl;
  readonly #clock: Clock;
  readonly #gate = new Gate();
  readonly #topics = new Map<string, TopicLogs>();
  readonly #coordinator: GroupCoordinator;
  readonly #offsets = new GroupOffsets();
  readonly #transactions: TransactionIds<MemoryWork>;
  readonly #fetchers = new Set<LogFetcher>();
  /** The last producer id or member number that was given away. */
  #ids = 0;

  constructor({ clock = systemClock, transactionTimeoutMs = 60_000 }: MemoryBrokerOptions) {
    this.#clock = clock;
    this.#coordinator = new GroupCoordinator({ clock, newSuffix: () => String(this.#newId()) });
    this.#transactions = new TransactionIds<MemoryWork>({
      clock,
      timeoutMs: transactionTimeoutMs,
      coordinator: this.#coordinator,
      offsets: this.#offsets,
      newProducerId: () => this.#newId(),
      newWork: () => ({ logs: new Set(), produced: [] }),
      abort: (producerId, { logs }) => {
        for (const log of logs) log.endTransaction(producerId, false);
      },
    });
    this.groups = memoryGroups(this.#gate, this.#coordinator, this.#offsets);
    this.control = this.#newControl();
  }

  createTopics(topics: readonly TopicSpec[]): Promise<void> {
    return this.#gate.pass({ operation: 'admin' }, () => {
      for (const spec of topics) checkTopic(spec, this.#topics.get(spec.name));
      for (const { name, partitions, config } of topics) {
        if (this.#topics.has(name)) continue;
        const spec = { name, partitions, config };
        const logs = Array.from({ length: partitions }, (_, partition) => new PartitionLog(spec, partition));
        this.#topics.set(name, { ...spec, id: randomUUID(), logs });
      }
    });
  }

  describeTopics(names?: readonly string[]): Promise<readonly TopicDescription[]> {
    return this.#gate.pass({ operation: 'admin' }, () => {
      const wanted = names === undefined ? undefined : new Set(names);
      const found = [...this.#topics.values()].filter(({ name }) => wanted?.has(name) ?? true);
      return found
        .map(({ name, partitions, config, id }) => ({ name, partitions, config, id }))
        .sort((a, b) => (a.name < b.name ? -1 : 1));
    });
  }

  deleteTopics(names: readonly string[]): Promise<void> {
    return this.#gate.pass({ operation: 'admin' }, () => {
      for (const name of names) {
        const topic = this.#topics.get(name);
        this.#topics.delete(name);
        this.#offsets.deleteTopic(name);
        for (const log of topic?.logs ?? []) log.notify();
      }
    });
  }

  deleteRecords(before: readonly PartitionOffset[]): Promise<void> {
    return this.#gate.pass({ operation: 'admin' }, () => {
      for (const { topic, partition, offset } of before) this.#log(topic, partition).deleteBefore(offset);
    });
  }

  listOffsets(
    partitions: readonly TopicPartition[],
    at: 'earliest' | 'latest' | 'end' | number,
  ): Promise<readonly PartitionOffset[]> {
    return this.#gate.pass({ operation: 'listOffsets' }, () =>
      partitions.map(({ topic, partition }) => {
        const log = this.#log(topic, partition);
        if (typeof at === 'number') return { topic, partition, offset: log.offsetAt(at) };
        const offset = at === 'earliest' ? log.start : at === 'latest' ? log.lastStableOffset : log.end;
        return { topic, partition, offset };
      }),
    );
  }

  fetcher(options?: FetcherOptions): Fetcher {
    const fetcher = new LogFetcher(this, options, () => this.#fetchers.delete(fetcher));
    this.#fetchers.add(fetcher);
    return fetcher;
  }

  producer(): Producer {
    return new MemoryProducer(this.#gate, this.#append, this.#newId());
  }

  transactionalProducer(transactionalId: string): TransactionalProducer {
    const requests = new MemoryTransactions(transactionalId, this.#gate, this.#transactions, this.#append);
    return new LocalTransactionalProducer(requests);
  }

  async close(): Promise<void> {
    this.#gate.close();
    this.#transactions.close();
    this.#coordinator.close(new GavelError('BROKER_CLOSED', 'the broker is closed'));
    for (const fetcher of this.#fetchers) await fetcher.close();
  }

  /** Every fetch is a request of its own, so that tests can hold it. */
  inMemory(): boolean {
    return false;
  }

  peek(): undefined {
    return undefined;
  }

  load({ topic, partition, offset, maxBytes }: ReadRequest): Promise<LogRead> {
    return this.#gate.pass({ operation: 'fetch', topic }, () => this.#log(topic, partition).read(offset, maxBytes));
  }

  watch(topic: string, partition: number, listener: () => void): () => void {
    const log = this.#topics.get(topic)?.logs[partition];
    log?.listeners.add(listener);
    return () => log?.listeners.delete(listener);
  }

  readonly #append: Append = (batches, identity, transactional): Appended[] => {
    const targets = batches.map((batch) => {
      checkBatch(batch, this.#topic(batch.topic).config.maxMessageBytes);
      return { log: this.#log(batch.topic, batch.partition), bytes: batch.bytes };
    });
    const now = this.#clock.now();
    return targets.map(({ log, bytes }) => ({ log, at: log.append(bytes, now, identity, transactional) }));
  };

  #topic(name: string): TopicLogs {
    const topic = this.#topics.get(name);
    if (topic === undefined) throw topicUnknown(name);
    return topic;
  }

  #log(name: string, partition: number): PartitionLog {
    const log = this.#topic(name).logs[partition];
    if (log === undefined) throw topicUnknown(name, partition);
    return log;
  }

  #newId(): number {
    return ++this.#ids;
  }

  #newControl(): MemoryBrokerControl {
    return {
      intercept: (interceptor) => {
        this.#gate.interceptors.add(interceptor);
        return () => this.#gate.interceptors.delete(interceptor);
      },
      idle: () => this.#gate.inFlight === 0 && ![...this.#fetchers].some((fetcher) => fetcher.due),
      bumpGeneration: (groupId) => this.#coordinator.bumpGeneration(groupId),
      rebalance: (groupId) => this.#coordinator.rebalance(groupId),
      fence: (transactionalId) => this.#transactions.fence(transactionalId),
      expire: (memberId) => this.#coordinator.expire(memberId),
      compact: (topic, { dropTombstones = false } = {}) => {
        for (const log of this.#topic(topic).logs) log.compact(dropTombstones);
      },
    };
  }
}

function memoryGroups(gate: Gate, coordinator: GroupCoordinator, offsets: GroupOffsets): Groups {
  const of = ({ groupId, memberId }: GroupMember | JoinRequest) => ({ groupId, memberId });
  return {
    join: (request: JoinRequest): Promise<JoinAnswer> =>
      gate.pass({ operation: 'join', ...of(request) }, () => coordinator.join(request)),
    sync: (request: SyncRequest): Promise<Buffer> =>
      gate.pass({ operation: 'sync', ...of(request) }, () => coordinator.sync(request)),
    heartbeat: (member: GroupMember): Promise<void> =>
      gate.pass({ operation: 'heartbeat', ...of(member) }, () => coordinator.heartbeat(member)),
    leave: (member: GroupMember): Promise<void> =>
      gate.pass({ operation: 'leave', ...of(member) }, () => coordinator.leave(member)),
    committedOffsets: (groupId: string, partitions: readonly TopicPartition[]): Promise<readonly CommittedOffset[]> =>
      gate.pass({ operation: 'committedOffsets', groupId }, () => offsets.committed(groupId, partitions)),
    listOffsets: (groupId: string): Promise<readonly CommittedOffset[]> =>
      gate.pass({ operation: 'committedOffsets', groupId }, () => offsets.list(groupId)),
    commitOffsets: (member: GroupMember, commits: readonly OffsetCommit[]): Promise<void> =>
      gate.pass({ operation: 'commitOffsets', ...of(member) }, () => {
        coordinator.checkCommit(member, false);
        offsets.apply(member.groupId, commits);
      }),
    deleteOffsets: (groupId: string, partitions: readonly TopicPartition[]): Promise<void> =>
      gate.pass({ operation: 'admin', groupId }, () => {
        coordinator.assertInactive(groupId);
        offsets.delete(groupId, partitions);
      }),
    describe: (groupId: string): Promise<GroupDescription> =>
      gate.pass({ operation: 'admin', groupId }, () => coordinator.describe(groupId)),
    list: (): Promise<readonly string[]> =>
      gate.pass({ operation: 'admin' }, () => [...new Set([...coordinator.list(), ...offsets.groups()])].sort()),
  };
}
