/** Consumer groups of a Kafka cluster: the classic protocol, with our own bytes as metadata and assignment. */

import {
  describeGroupsV5,
  heartbeatV4,
  joinGroupV9,
  leaveGroupV5,
  listGroupsV5,
  offsetCommitV8,
  offsetDeleteV0,
  offsetFetchV8,
  syncGroupV5,
} from '@platformatic/kafka';
import type { Connection } from '@platformatic/kafka';
import type {
  CommittedOffset,
  GroupDescription,
  GroupMember,
  Groups,
  JoinAnswer,
  JoinRequest,
  OffsetCommit,
  SyncRequest,
  TopicPartition,
} from '../../streams/broker.ts';
import { GavelError } from '../../streams/errors.ts';
import type { Cluster, Question } from './cluster.ts';
import type { Connections, ExclusiveConnections } from './connections.ts';
import { brokerErrors, errorName, namedError } from './errors.ts';

/** Members of other programs cannot join by mistake: theirs is `consumer`. */
const PROTOCOL_TYPE = 'gavel';
const PROTOCOL = 'gavel';
/** Milliseconds that a heartbeat is tried: the next one comes anyway. */
const HEARTBEAT_RETRY_MS = 1_000;

export interface KafkaGroupsOptions {
  readonly cluster: Cluster;
  readonly connections: Connections;
  /** For joins and syncs: they wait for other members. */
  readonly exclusive: ExclusiveConnections;
}

export class KafkaGroups implements Groups {
  readonly #options: KafkaGroupsOptions;
  /** Member id → instance id of the static members that joined here: the fence asks for it with every request. */
  readonly #instances = new Map<string, string>();

  constructor(options: KafkaGroupsOptions) {
    this.#options = options;
  }

  instanceOf(memberId: string): string | null {
    return this.#instances.get(memberId) ?? null;
  }

  async join(request: JoinRequest): Promise<JoinAnswer> {
    let answer;
    try {
      answer = await this.#join(request, request.memberId);
    } catch (error) {
      const { cause } = error as { readonly cause?: unknown };
      const { response } = (cause ?? {}) as { readonly response?: joinGroupV9.JoinGroupResponse };
      if (response === undefined || !brokerErrors(cause).includes('MEMBER_ID_REQUIRED')) throw error;
      answer = await this.#join(request, response.memberId);
    }
    const { memberId, generationId, leader, skipAssignment, members } = answer;
    if (request.instanceId !== null) this.#instances.set(memberId, request.instanceId);
    // A static leader that comes back finds its last assignment in force: it has nothing to lead.
    const leads = leader === memberId && !skipAssignment;
    return {
      memberId,
      generation: generationId,
      leaderId: skipAssignment ? '' : leader,
      members: leads ? members.map((each) => ({ memberId: each.memberId, metadata: each.metadata })) : [],
    };
  }

  async sync({ groupId, generation, memberId, assignments }: SyncRequest): Promise<Buffer> {
    const { cluster, exclusive } = this.#options;
    const instance = this.instanceOf(memberId);
    const answer = await cluster.atCoordinator(question(groupId, 'sync with'), (coordinator) =>
      exclusive.use(coordinator, (connection) =>
        syncGroupV5.api.async(connection, groupId, generation, memberId, instance, PROTOCOL_TYPE, PROTOCOL, [
          ...assignments,
        ]),
      ),
    );
    return Buffer.from(answer.assignment);
  }

  async heartbeat({ groupId, generation, memberId }: GroupMember): Promise<void> {
    const beat = { ...question(groupId, 'heartbeat of'), retryMs: HEARTBEAT_RETRY_MS };
    await this.#request(beat, (connection) =>
      heartbeatV4.api.async(connection, groupId, generation, memberId, this.instanceOf(memberId)),
    );
  }

  async leave({ groupId, memberId }: GroupMember): Promise<void> {
    const member = { memberId, groupInstanceId: this.instanceOf(memberId), reason: null };
    try {
      await this.#request(question(groupId, 'leave'), (connection) =>
        leaveGroupV5.api.async(connection, groupId, [member]),
      );
    } catch (error) {
      if (!(error instanceof GavelError) || error.code !== 'UNKNOWN_MEMBER') throw error;
    }
    this.#instances.delete(memberId);
  }

  async committedOffsets(groupId: string, partitions: readonly TopicPartition[]): Promise<readonly CommittedOffset[]> {
    this.#options.cluster.assertOpen();
    if (partitions.length === 0) return [];
    const topics = [...Map.groupBy(partitions, ({ topic }) => topic)].map(([name, each]) => ({
      name,
      partitionIndexes: each.map(({ partition }) => partition),
    }));
    return this.#fetchOffsets(groupId, topics, true);
  }

  listOffsets(groupId: string): Promise<readonly CommittedOffset[]> {
    return this.#fetchOffsets(groupId, null, false);
  }

  async commitOffsets({ groupId, generation, memberId }: GroupMember, offsets: readonly OffsetCommit[]): Promise<void> {
    const topics = offsetTopics(offsets);
    await this.#request(question(groupId, 'commit offsets of'), (connection) =>
      offsetCommitV8.api.async(connection, groupId, generation, memberId, this.instanceOf(memberId), topics),
    );
  }

  async deleteOffsets(groupId: string, partitions: readonly TopicPartition[]): Promise<void> {
    const topics = [...Map.groupBy(partitions, ({ topic }) => topic)].map(([name, each]) => ({
      name,
      partitions: each.map(({ partition }) => ({ partitionIndex: partition })),
    }));
    await this.#request(question(groupId, 'delete offsets of'), (connection) =>
      offsetDeleteV0.api.async(connection, groupId, topics),
    );
  }

  async describe(groupId: string): Promise<GroupDescription> {
    const { groups } = await this.#request(question(groupId, 'describe'), (connection) =>
      describeGroupsV5.api.async(connection, [groupId], false),
    );
    const members = (groups[0]?.members ?? []).map(({ memberId, groupInstanceId }) => ({
      memberId,
      instanceId: groupInstanceId ?? null,
    }));
    return { groupId, generation: -1, members };
  }

  /** Each broker knows the groups that it coordinates. */
  async list(): Promise<readonly string[]> {
    const { cluster, connections } = this.#options;
    return cluster.retry('list groups', async () => {
      await cluster.refresh([]);
      const names = new Set<string>();
      for (const broker of cluster.brokers) {
        const { groups } = await listGroupsV5.api.async(await connections.get(broker), [], []);
        for (const { groupId } of groups) names.add(groupId);
      }
      return [...names].sort();
    });
  }

  /** A first join of a dynamic member is answered with its id, under which it is asked to join. */
  #join(request: JoinRequest, memberId: string): Promise<joinGroupV9.JoinGroupResponse> {
    const { cluster, exclusive } = this.#options;
    const { groupId, instanceId, sessionTimeoutMs, rebalanceTimeoutMs, metadata } = request;
    return cluster.atCoordinator(question(groupId, 'join'), (coordinator) =>
      exclusive.use(coordinator, (connection) =>
        joinGroupV9.api.async(
          connection,
          groupId,
          sessionTimeoutMs,
          rebalanceTimeoutMs,
          memberId,
          instanceId,
          PROTOCOL_TYPE,
          [{ name: PROTOCOL, metadata }],
          null,
        ),
      ),
    );
  }

  async #fetchOffsets(
    groupId: string,
    topics: { name: string; partitionIndexes: number[] }[] | null,
    stable: boolean,
  ): Promise<readonly CommittedOffset[]> {
    const asked = question(groupId, 'fetch offsets of');
    const answer = await this.#request(asked, (connection) =>
      offsetFetchV8.api.async(connection, [{ groupId, memberEpoch: -1, topics }], stable),
    );
    const committed: CommittedOffset[] = [];
    for (const { name, partitions } of answer.groups[0]?.topics ?? []) {
      for (const { partitionIndex, committedOffset, metadata, errorCode } of partitions) {
        if (errorCode !== 0) throw namedError(errorName(errorCode), asked.what);
        if (committedOffset < 0n) continue;
        const offset = Number(committedOffset);
        committed.push({ topic: name, partition: partitionIndex, offset, metadata: metadata ?? '' });
      }
    }
    return committed;
  }

  #request<T>(asked: Question, request: (connection: Connection) => Promise<T>): Promise<T> {
    const { cluster, connections } = this.#options;
    return cluster.atCoordinator(asked, async (coordinator) => request(await connections.get(coordinator)));
  }
}

function question(groupId: string, verb: string): Question {
  return { kind: 'group', key: groupId, what: `${verb} group ${groupId}` };
}

/** Offsets as the requests want them. */
export function offsetTopics(offsets: readonly OffsetCommit[]): {
  name: string;
  partitions: {
    partitionIndex: number;
    committedOffset: bigint;
    committedLeaderEpoch: number;
    committedMetadata: string;
  }[];
}[] {
  return [...Map.groupBy(offsets, ({ topic }) => topic)].map(([name, each]) => ({
    name,
    partitions: each.map(({ partition, offset, metadata }) => ({
      partitionIndex: partition,
      committedOffset: BigInt(offset),
      committedLeaderEpoch: -1,
      committedMetadata: metadata,
    })),
  }));
}
