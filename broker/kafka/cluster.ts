/** The cluster as its brokers describe it: who leads which partition, who coordinates what, and the patience to ask again. */

import { ConfigResourceTypes, describeConfigsV4, findCoordinatorV4, metadataV12 } from '@platformatic/kafka';
import type { Connection } from '@platformatic/kafka';
import type { TopicPartition } from '../../streams/broker.ts';
import { GavelError } from '../../streams/errors.ts';
import type { Clock } from '../../streams/time.ts';
import { topicUnknown } from '../topic-checks.ts';
import type { Connections } from './connections.ts';
import {
  brokerErrors,
  errorName,
  isConnectionError,
  isPassing,
  isPassingName,
  kafkaError,
  namedError,
} from './errors.ts';
import type { Address } from './options.ts';

export interface Leader extends Address {
  readonly nodeId: number;
  readonly leaderEpoch: number;
}

export interface TopicMetadata {
  readonly name: string;
  readonly id: string;
  /** By partition; undefined while none leads. */
  readonly leaders: readonly (Leader | undefined)[];
}

/** A request to a coordinator. */
export interface Question {
  /** Of the group, or of the transactions of an id. */
  readonly kind: 'group' | 'transaction';
  readonly key: string;
  /** For messages. */
  readonly what: string;
  /** Default that of the cluster. */
  readonly retryMs?: number;
}

export interface ClusterOptions {
  readonly bootstrap: readonly Address[];
  readonly connections: Connections;
  readonly clock: Clock;
  readonly retryMs: number;
}

/** Longest pause between two tries, in ms; the first is 1 ms, each further one twice the last. */
const PAUSE_MAX_MS = 500;

export class Cluster {
  readonly #options: ClusterOptions;
  #brokers: readonly Address[];
  readonly #topics = new Map<string, TopicMetadata>();
  readonly #coordinators = new Map<string, Address>();
  /** Topic id → bytes of its largest batch. */
  readonly #maxMessageBytes = new Map<string, number>();
  #closed = false;

  constructor(options: ClusterOptions) {
    this.#options = options;
    this.#brokers = options.bootstrap;
  }

  /** All brokers that are known. */
  get brokers(): readonly Address[] {
    return this.#brokers;
  }

  now(): number {
    return this.#options.clock.now();
  }

  /** Everything that waits for another try fails with `BROKER_CLOSED`, and so does all that comes. */
  close(): void {
    this.#closed = true;
  }

  assertOpen(): void {
    if (this.#closed) throw new GavelError('BROKER_CLOSED', 'the broker is closed');
  }

  /** Repeats a request until it answers, fails for good, or has failed for `retryMs`. It must be one that may be applied twice. */
  async retry<T>(what: string, request: (attempt: number) => Promise<T>, retryMs = this.#options.retryMs): Promise<T> {
    const deadline = this.#options.clock.now() + retryMs;
    for (let attempt = 0; ; attempt++) {
      this.assertOpen();
      try {
        return await request(attempt);
      } catch (error) {
        this.assertOpen();
        if (!isPassing(error) || this.#options.clock.now() >= deadline) throw kafkaError(error, what);
        await this.pause(attempt);
      }
    }
  }

  /** Waits before the next try. */
  pause(attempt: number): Promise<void> {
    const ms = Math.min(PAUSE_MAX_MS, 2 ** Math.min(attempt, 10));
    return new Promise((resolve) => this.#options.clock.setTimer(ms, resolve));
  }

  /** A connection to whichever broker answers. */
  async any(): Promise<Connection> {
    let failure: unknown;
    for (const address of [...this.#brokers, ...this.#options.bootstrap]) {
      try {
        return await this.#options.connections.get(address);
      } catch (error) {
        failure = error;
        if (!isConnectionError(error)) break;
      }
    }
    throw failure;
  }

  /** Asks for the named topics (null: all) anew; those that do not exist are absent. Internal ones are left out. */
  async refresh(names: readonly string[] | null): Promise<readonly TopicMetadata[]> {
    const answer = await this.retry('describe topics', () => this.#metadata(names));
    const addresses = new Map(answer.brokers.map(({ nodeId, host, port }) => [nodeId, { nodeId, host, port }]));
    this.#brokers = [...addresses.values()];
    for (const name of names ?? []) this.#topics.delete(name);
    const found: TopicMetadata[] = [];
    for (const { errorCode, name, topicId, isInternal, partitions } of answer.topics) {
      if (errorCode !== 0) {
        const error = errorName(errorCode);
        if (error === 'UNKNOWN_TOPIC_OR_PARTITION' || error === 'INVALID_TOPIC_EXCEPTION') continue;
        if (!isPassingName(error)) throw namedError(error, `describe topic ${name ?? ''}`);
      }
      if (typeof name !== 'string' || isInternal) continue;
      const leaders: (Leader | undefined)[] = [];
      for (const { partitionIndex, leaderId, leaderEpoch } of partitions) {
        const address = addresses.get(leaderId);
        leaders[partitionIndex] = address === undefined ? undefined : { ...address, leaderEpoch };
      }
      const topic: TopicMetadata = { name, id: topicId, leaders };
      this.#topics.set(name, topic);
      found.push(topic);
    }
    return found;
  }

  forgetTopic(name: string): void {
    this.#topics.delete(name);
  }

  /** What is known of a partition's leader, without asking. */
  leader(topic: string, partition: number): Leader | undefined {
    return this.#topics.get(topic)?.leaders[partition];
  }

  /** Makes the leaders of the partitions known. @throws GavelError `TOPIC_UNKNOWN` */
  async locate(partitions: readonly TopicPartition[]): Promise<void> {
    const isUnknown = ({ topic, partition }: TopicPartition): boolean => this.leader(topic, partition) === undefined;
    if (!partitions.some(isUnknown)) return;
    await this.retry('find the leaders of partitions', async () => {
      const names = new Set(partitions.filter(isUnknown).map(({ topic }) => topic));
      await this.refresh([...names]);
      for (const { topic, partition } of partitions) {
        const metadata = this.#topics.get(topic);
        if (metadata === undefined) throw topicUnknown(topic);
        if (partition >= metadata.leaders.length) throw topicUnknown(topic, partition);
        if (metadata.leaders[partition] === undefined) throw noLeader(topic, partition);
      }
    });
  }

  /** The partitions by the broker that leads them. @throws GavelError `TOPIC_UNKNOWN` */
  async byLeader<P extends TopicPartition>(partitions: readonly P[]): Promise<ReadonlyMap<Leader, P[]>> {
    await this.locate(partitions);
    const leaders = new Map<number, { readonly leader: Leader; readonly led: P[] }>();
    for (const each of partitions) {
      const leader = this.leader(each.topic, each.partition) as Leader;
      const entry = leaders.get(leader.nodeId);
      if (entry === undefined) leaders.set(leader.nodeId, { leader, led: [each] });
      else entry.led.push(each);
    }
    return new Map([...leaders.values()].map(({ leader, led }) => [leader, led]));
  }

  /** Bytes of the largest batch that a located topic takes. */
  maxMessageBytes(topic: string): number | undefined {
    return this.#maxMessageBytes.get(this.#topics.get(topic)?.id ?? '');
  }

  /** Makes `maxMessageBytes` of these topics known. */
  async loadLimits(topics: readonly string[]): Promise<void> {
    const missing = topics.filter((topic) => this.maxMessageBytes(topic) === undefined);
    if (missing.length === 0) return;
    for (const [topic, configs] of await this.configs(missing, ['max.message.bytes'])) {
      const id = this.#topics.get(topic)?.id;
      if (id !== undefined) this.#maxMessageBytes.set(id, Number(configs.get('max.message.bytes')));
    }
  }

  /** Values of topics' settings by their name. */
  configs(topics: readonly string[], keys: readonly string[]): Promise<Map<string, Map<string, string>>> {
    return this.retry('describe the settings of topics', async () => {
      const resources = topics.map((resourceName) => {
        return { resourceType: ConfigResourceTypes.TOPIC, resourceName, configurationKeys: [...keys] };
      });
      const { results } = await describeConfigsV4.api.async(await this.any(), resources, false, false);
      return new Map(
        results.map(({ resourceName, configs }) => [
          resourceName,
          new Map(configs.map(({ name, value }) => [name, value ?? ''])),
        ]),
      );
    });
  }

  /** Repeats a request to the coordinator of a group or transactional id, wherever it moves. */
  atCoordinator<T>({ kind, key, what, retryMs }: Question, request: (coordinator: Address) => Promise<T>): Promise<T> {
    return this.retry(
      what,
      async () => {
        const coordinator = await this.#coordinator(kind, key);
        try {
          return await request(coordinator);
        } catch (error) {
          const names = brokerErrors(error);
          if (names.length === 0 || names.includes('NOT_COORDINATOR')) this.#coordinators.delete(`${kind}:${key}`);
          throw error;
        }
      },
      retryMs,
    );
  }

  async #coordinator(kind: Question['kind'], key: string): Promise<Address> {
    const cached = this.#coordinators.get(`${kind}:${key}`);
    if (cached !== undefined) return cached;
    const answer = await findCoordinatorV4.api.async(await this.any(), kind === 'group' ? 0 : 1, [key]);
    const found = answer.coordinators[0];
    if (found === undefined) throw new GavelError('BROKER_UNAVAILABLE', `no broker coordinates ${kind} ${key}`);
    const address = { host: found.host, port: found.port };
    this.#coordinators.set(`${kind}:${key}`, address);
    return address;
  }

  /** The answer, although parts of it tell of errors. */
  async #metadata(names: readonly string[] | null): Promise<metadataV12.MetadataResponse> {
    const connection = await this.any();
    try {
      return await metadataV12.api.async(connection, names === null ? null : [...names], false, false);
    } catch (error) {
      const { response } = error as { readonly response?: metadataV12.MetadataResponse };
      if (response === undefined) throw error;
      return response;
    }
  }
}

function noLeader(topic: string, partition: number): Error {
  const error = new Error(`${topic}:${partition} has no leader`);
  return Object.assign(error, { apiId: 'LEADER_NOT_AVAILABLE' });
}
