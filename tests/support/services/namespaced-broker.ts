/** A broker of which a test sees its own topics, groups and transactional ids only, under the short names it gives them. */

import type {
  Broker,
  Fetcher,
  FetcherOptions,
  GroupMember,
  Groups,
  Producer,
  TopicPartition,
  Transaction,
  TransactionalProducer,
} from '../../../streams/broker.ts';

export interface NamespaceOptions {
  /** Before every name. */
  readonly prefix: string;
  /** Waits until all can be seen that has ended under the transactional id (its full name). Kafka answers before. */
  readonly settled: (transactionalId: string) => Promise<void>;
}

export function namespaced(broker: Broker, options: NamespaceOptions): Broker {
  const names = new Names(options.prefix);
  return {
    kind: broker.kind,
    groups: groupsOf(broker.groups, names),
    createTopics: (topics) => broker.createTopics(topics.map((spec) => ({ ...spec, name: names.full(spec.name) }))),
    async describeTopics(wanted) {
      const found = await broker.describeTopics(wanted?.map((name) => names.full(name)));
      return found.filter(({ name }) => names.isOurs(name)).map((each) => ({ ...each, name: names.short(each.name) }));
    },
    deleteTopics: (topics) => broker.deleteTopics(topics.map((name) => names.full(name))),
    deleteRecords: (before) => broker.deleteRecords(names.inside(before)),
    listOffsets: async (partitions, at) => names.outside(await broker.listOffsets(names.inside(partitions), at)),
    fetcher: (fetcherOptions) => fetcherOf(broker, names, fetcherOptions),
    producer(): Producer {
      const producer = broker.producer();
      return {
        produce: async (batches) => names.outside(await producer.produce(names.inside(batches))),
        close: () => producer.close(),
      };
    },
    transactionalProducer: (id) => transactionsOf(broker, names, names.full(id), options),
    close: () => broker.close(),
  };
}

class Names {
  readonly #prefix: string;

  constructor(prefix: string) {
    this.#prefix = prefix;
  }

  full(name: string): string {
    return this.#prefix + name;
  }

  short(name: string): string {
    return name.slice(this.#prefix.length);
  }

  isOurs(name: string): boolean {
    return name.startsWith(this.#prefix);
  }

  inside<T extends TopicPartition>(items: readonly T[]): T[] {
    return items.map((item) => ({ ...item, topic: this.full(item.topic) }));
  }

  outside<T extends TopicPartition>(items: readonly T[]): T[] {
    return items.map((item) => ({ ...item, topic: this.short(item.topic) }));
  }

  member<T extends GroupMember>(member: T): T {
    return { ...member, groupId: this.full(member.groupId) };
  }
}

function fetcherOf(broker: Broker, names: Names, options: FetcherOptions | undefined): Fetcher {
  const fetcher = broker.fetcher(options);
  return {
    assign: (topic, partition, offset) => fetcher.assign(names.full(topic), partition, offset),
    unassign: (topic, partition) => fetcher.unassign(names.full(topic), partition),
    pause: (topic, partition) => fetcher.pause(names.full(topic), partition),
    resume: (topic, partition) => fetcher.resume(names.full(topic), partition),
    poll: () => names.outside(fetcher.poll()),
    close: () => fetcher.close(),
  };
}

function transactionsOf(
  broker: Broker,
  names: Names,
  transactionalId: string,
  { settled }: NamespaceOptions,
): TransactionalProducer {
  const producer = broker.transactionalProducer(transactionalId);
  return {
    init: () => producer.init(),
    begin(): Transaction {
      const transaction = producer.begin();
      return {
        produce: (batches) => transaction.produce(names.inside(batches)),
        commitOffsets: (member, offsets) => transaction.commitOffsets(names.member(member), names.inside(offsets)),
        async commit() {
          const produced = names.outside(await transaction.commit());
          await settled(transactionalId);
          return produced;
        },
        async abort() {
          await transaction.abort();
          await settled(transactionalId);
        },
      };
    },
    async close() {
      await producer.close();
      await settled(transactionalId);
    },
  };
}

function groupsOf(groups: Groups, names: Names): Groups {
  return {
    join: (request) => groups.join({ ...request, groupId: names.full(request.groupId) }),
    sync: (request) => groups.sync(names.member(request)),
    heartbeat: (member) => groups.heartbeat(names.member(member)),
    leave: (member) => groups.leave(names.member(member)),
    committedOffsets: async (groupId, partitions) =>
      names.outside(await groups.committedOffsets(names.full(groupId), names.inside(partitions))),
    listOffsets: async (groupId) => names.outside(await groups.listOffsets(names.full(groupId))),
    commitOffsets: (member, offsets) => groups.commitOffsets(names.member(member), names.inside(offsets)),
    deleteOffsets: (groupId, partitions) => groups.deleteOffsets(names.full(groupId), names.inside(partitions)),
    async describe(groupId) {
      return { ...(await groups.describe(names.full(groupId))), groupId };
    },
    async list() {
      return (await groups.list()).filter((name) => names.isOurs(name)).map((name) => names.short(name));
    },
  };
}
