/** The broker port on a Kafka cluster (brokers 2.8 and later). */

import type { Broker, Fetcher, FetcherOptions, PartitionOffset, Producer } from '../../streams/broker.ts';
import type { TopicDescription, TopicPartition, TransactionalProducer } from '../../streams/broker.ts';
import { systemClock } from '../../streams/time.ts';
import type { TopicSpec } from '../../streams/topic.ts';
import { LocalTransactionalProducer } from '../transactional-producer.ts';
import { Cluster } from './cluster.ts';
import { Connections, ExclusiveConnections, connectionSettings } from './connections.ts';
import type { ConnectionSettings } from './connections.ts';
import { kafkaError } from './errors.ts';
import { KafkaFetcher } from './fetcher.ts';
import { KafkaGroups } from './groups.ts';
import { listOffsets } from './offsets.ts';
import { parseServers } from './options.ts';
import type { KafkaBrokerOptions } from './options.ts';
import { KafkaProducer } from './producer.ts';
import { Topics } from './topics.ts';
import { KafkaTransactions } from './transactions.ts';

const TRANSACTION_TIMEOUT_MS = 10_000;
const RETRY_MS = 30_000;

export class KafkaBroker implements Broker {
  readonly kind = 'kafka';
  readonly groups: KafkaGroups;
  readonly #options: KafkaBrokerOptions;
  readonly #settings: ConnectionSettings;
  readonly #cluster: Cluster;
  readonly #topics: Topics;
  /** For questions and groups; what waits in a group has connections of its own. */
  readonly #connections: Connections;
  readonly #exclusive: ExclusiveConnections;
  /** For batches and transactions. */
  readonly #producing: Connections;
  readonly #fetchers = new Set<KafkaFetcher>();

  constructor(options: KafkaBrokerOptions) {
    const { clock = systemClock, retryMs = RETRY_MS, replicationFactor = -1 } = options;
    this.#options = options;
    this.#settings = connectionSettings(options);
    this.#connections = new Connections(this.#settings);
    this.#exclusive = new ExclusiveConnections(this.#settings);
    this.#producing = new Connections(this.#settings);
    const [connections, exclusive] = [this.#connections, this.#exclusive];
    const cluster = new Cluster({ bootstrap: parseServers(options.bootstrapServers), connections, clock, retryMs });
    this.#cluster = cluster;
    this.#topics = new Topics({ cluster, connections, replicationFactor });
    this.groups = new KafkaGroups({ cluster, connections, exclusive });
  }

  /** Asks who is there; one try. */
  async connect(): Promise<void> {
    try {
      await this.#cluster.any();
      await this.#cluster.refresh([]);
    } catch (error) {
      await this.close();
      throw kafkaError(error, `connect to ${String(this.#options.bootstrapServers)}`);
    }
  }

  createTopics(topics: readonly TopicSpec[]): Promise<void> {
    return this.#topics.create(topics);
  }

  describeTopics(names?: readonly string[]): Promise<readonly TopicDescription[]> {
    return this.#topics.describe(names);
  }

  deleteTopics(names: readonly string[]): Promise<void> {
    return this.#topics.delete(names);
  }

  deleteRecords(before: readonly PartitionOffset[]): Promise<void> {
    return this.#topics.deleteRecords(before);
  }

  listOffsets(
    partitions: readonly TopicPartition[],
    at: 'earliest' | 'latest' | 'end' | number,
  ): Promise<readonly PartitionOffset[]> {
    return listOffsets(this.#cluster, this.#connections, partitions, at);
  }

  fetcher(options: FetcherOptions = {}): Fetcher {
    const fetcher: KafkaFetcher = new KafkaFetcher({
      ...options,
      cluster: this.#cluster,
      settings: this.#settings,
      onClose: () => this.#fetchers.delete(fetcher),
    });
    this.#fetchers.add(fetcher);
    return fetcher;
  }

  producer(): Producer {
    const { compression = 'none' } = this.#options;
    return new KafkaProducer({ cluster: this.#cluster, connections: this.#producing, compression });
  }

  transactionalProducer(transactionalId: string): TransactionalProducer {
    const { compression = 'none', transactionTimeoutMs = TRANSACTION_TIMEOUT_MS } = this.#options;
    const requests = new KafkaTransactions({
      cluster: this.#cluster,
      connections: this.#producing,
      groups: this.groups,
      compression,
      transactionalId,
      timeoutMs: transactionTimeoutMs,
    });
    return new LocalTransactionalProducer(requests);
  }

  /** Open transactions are left to their time-out, or to the next `init` of their id. */
  async close(): Promise<void> {
    this.#cluster.close();
    await Promise.all([...this.#fetchers].map((fetcher) => fetcher.close()));
    await Promise.all([this.#connections.close(), this.#exclusive.close(), this.#producing.close()]);
  }
}
