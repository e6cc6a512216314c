/** Topics of a Kafka cluster: create, describe, delete, drop records. */

import { createTopicsV7, deleteRecordsV2, deleteTopicsV6 } from '@platformatic/kafka';
import type { PartitionOffset, TopicDescription } from '../../streams/broker.ts';
import { GavelError } from '../../streams/errors.ts';
import type { TopicConfig, TopicSpec } from '../../streams/topic.ts';
import { checkTopic } from '../topic-checks.ts';
import type { Cluster } from './cluster.ts';
import type { Connections } from './connections.ts';
import { errorName, isPassingName, namedError } from './errors.ts';

const ADMIN_TIMEOUT_MS = 30_000;

const CONFIG_KEYS = [
  'cleanup.policy',
  'retention.ms',
  'message.timestamp.type',
  'delete.retention.ms',
  'max.message.bytes',
] as const;

export interface TopicsOptions {
  readonly cluster: Cluster;
  readonly connections: Connections;
  /** -1: that of the brokers. */
  readonly replicationFactor: number;
}

export class Topics {
  readonly #options: TopicsOptions;

  constructor(options: TopicsOptions) {
    this.#options = options;
  }

  async create(topics: readonly TopicSpec[]): Promise<void> {
    const { cluster, replicationFactor } = this.#options;
    const specs = new Map(topics.map((spec) => [spec.name, spec]));
    const missing = await this.#missing(specs);
    if (missing.length === 0) return;
    const requests = missing.map(({ name, partitions, config }) => ({
      name,
      numPartitions: partitions,
      replicationFactor,
      assignments: [],
      configs: configsOf(config),
    }));
    await cluster.retry(`create topics ${missing.map(({ name }) => name).join(', ')}`, async () => {
      const answer = await answerOf<createTopicsV7.CreateTopicsResponse>(
        createTopicsV7.api.async(await cluster.any(), requests, ADMIN_TIMEOUT_MS, false),
      );
      for (const { name, errorCode, errorMessage } of answer.topics) {
        const error = errorName(errorCode);
        if (errorCode === 0 || error === 'TOPIC_ALREADY_EXISTS') continue;
        if (isPassingName(error)) throw passing(error);
        throw namedError(error, `create topic ${name}${errorMessage === null ? '' : `: ${errorMessage}`}`);
      }
    });
    await this.#visible(specs);
  }

  async describe(names?: readonly string[]): Promise<readonly TopicDescription[]> {
    const { cluster } = this.#options;
    const found = await cluster.refresh(names === undefined ? null : [...new Set(names)]);
    if (found.length === 0) return [];
    const configs = await cluster.configs(
      found.map(({ name }) => name),
      CONFIG_KEYS,
    );
    return found
      .map(({ name, id, leaders }) => ({
        name,
        id,
        partitions: leaders.length,
        config: configOf(configs.get(name) ?? new Map()),
      }))
      .sort((a, b) => (a.name < b.name ? -1 : 1));
  }

  async delete(names: readonly string[]): Promise<void> {
    const { cluster } = this.#options;
    if (names.length === 0) return cluster.assertOpen();
    const ids = new Map((await cluster.refresh(names)).map(({ name, id }) => [name, id]));
    const topics = [...ids.keys()].map((name) => ({ name, topicId: null }));
    if (topics.length === 0) return;
    await cluster.retry(`delete topics ${[...ids.keys()].join(', ')}`, async () => {
      const answer = await answerOf<deleteTopicsV6.DeleteTopicsResponse>(
        deleteTopicsV6.api.async(await cluster.any(), topics, ADMIN_TIMEOUT_MS),
      );
      for (const { name, errorCode } of answer.responses) {
        const error = errorName(errorCode);
        if (errorCode === 0 || error === 'UNKNOWN_TOPIC_OR_PARTITION') continue;
        if (isPassingName(error)) throw passing(error);
        throw namedError(error, `delete topic ${name ?? ''}`);
      }
    });
    await this.#until('see the topics gone', async () => {
      const left = await cluster.refresh([...ids.keys()]);
      return left.every(({ name, id }) => ids.get(name) !== id);
    });
    for (const name of ids.keys()) cluster.forgetTopic(name);
  }

  async deleteRecords(before: readonly PartitionOffset[]): Promise<void> {
    const { cluster, connections } = this.#options;
    await cluster.retry('delete records', async (attempt) => {
      if (attempt > 0) await cluster.refresh(before.map(({ topic }) => topic));
      for (const [leader, led] of await cluster.byLeader(before)) {
        const topics = led.map(({ topic, partition, offset }) => ({
          name: topic,
          partitions: [{ partitionIndex: partition, offset: BigInt(offset) }],
        }));
        await deleteRecordsV2.api.async(await connections.get(leader), topics, ADMIN_TIMEOUT_MS);
      }
    });
  }

  /** Those that are not there, after a check of all. @throws GavelError `TOPIC_MISMATCH`, `OPTION_INVALID` */
  async #missing(specs: ReadonlyMap<string, TopicSpec>): Promise<readonly TopicSpec[]> {
    const { cluster } = this.#options;
    cluster.assertOpen();
    for (const spec of specs.values()) checkTopic(spec, undefined);
    if (specs.size === 0) return [];
    const existing = new Map((await cluster.refresh([...specs.keys()])).map((topic) => [topic.name, topic]));
    for (const spec of specs.values()) {
      const topic = existing.get(spec.name);
      if (topic !== undefined) checkTopic(spec, { ...spec, partitions: topic.leaders.length });
    }
    return [...specs.values()].filter(({ name }) => !existing.has(name));
  }

  /** Waits until the brokers that are asked know the topics and lead them. @throws GavelError `TOPIC_MISMATCH` */
  async #visible(specs: ReadonlyMap<string, TopicSpec>): Promise<void> {
    await this.#until('see the created topics', async () => {
      const missing = await this.#missing(specs);
      if (missing.length > 0) return false;
      const partitions = [...specs.values()].flatMap(({ name, partitions: count }) =>
        Array.from({ length: count }, (_, partition) => ({ topic: name, partition })),
      );
      await this.#options.cluster.locate(partitions);
      return true;
    });
  }

  async #until(what: string, condition: () => Promise<boolean>): Promise<void> {
    await this.#options.cluster.retry(what, async () => {
      if (!(await condition())) throw passing('REQUEST_TIMED_OUT');
    });
  }
}

/** Not yet: `retry` asks again. */
function passing(name: string): Error {
  return Object.assign(new Error(name), { apiId: name });
}

/** What was answered, although parts of it tell of errors. */
async function answerOf<T>(request: Promise<T>): Promise<T> {
  try {
    return await request;
  } catch (error) {
    const { response } = error as { readonly response?: T };
    if (response === undefined) throw error;
    return response;
  }
}

function configsOf(config: TopicConfig): { name: string; value: string }[] {
  return [
    { name: 'cleanup.policy', value: config.cleanup },
    { name: 'retention.ms', value: String(config.retentionMs) },
    { name: 'message.timestamp.type', value: config.timestampType === 'append' ? 'LogAppendTime' : 'CreateTime' },
    { name: 'delete.retention.ms', value: String(config.deleteRetentionMs) },
    { name: 'max.message.bytes', value: String(config.maxMessageBytes) },
  ];
}

function configOf(values: ReadonlyMap<string, string>): TopicConfig {
  const value = (key: (typeof CONFIG_KEYS)[number]): string => {
    const found = values.get(key);
    if (found === undefined) throw new GavelError('BROKER_REFUSED', `the brokers do not tell ${key} of a topic`);
    return found;
  };
  return {
    cleanup: value('cleanup.policy').includes('compact') ? 'compact' : 'delete',
    retentionMs: Number(value('retention.ms')),
    timestampType: value('message.timestamp.type') === 'LogAppendTime' ? 'append' : 'create',
    deleteRetentionMs: Number(value('delete.retention.ms')),
    maxMessageBytes: Number(value('max.message.bytes')),
  };
}
