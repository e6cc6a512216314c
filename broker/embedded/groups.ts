/** Consumer groups of the embedded broker: memberships live in this process, offsets in the log's database. */

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
import type { GroupOffsets } from '../group-offsets.ts';
import type { GroupCoordinator } from '../groups.ts';
import type { LogWriter } from './writer.ts';
import { offsetRowKey } from './keys.ts';
import { offsetRows } from './producers.ts';

export class EmbeddedGroups implements Groups {
  readonly #coordinator: GroupCoordinator;
  readonly #offsets: GroupOffsets;
  readonly #writer: LogWriter;

  constructor(coordinator: GroupCoordinator, offsets: GroupOffsets, writer: LogWriter) {
    this.#coordinator = coordinator;
    this.#offsets = offsets;
    this.#writer = writer;
  }

  async join(request: JoinRequest): Promise<JoinAnswer> {
    return this.#coordinator.join(request);
  }

  async sync(request: SyncRequest): Promise<Buffer> {
    return this.#coordinator.sync(request);
  }

  async heartbeat(member: GroupMember): Promise<void> {
    this.#coordinator.heartbeat(member);
  }

  async leave(member: GroupMember): Promise<void> {
    this.#coordinator.leave(member);
  }

  async committedOffsets(groupId: string, partitions: readonly TopicPartition[]): Promise<readonly CommittedOffset[]> {
    return this.#offsets.committed(groupId, partitions);
  }

  async listOffsets(groupId: string): Promise<readonly CommittedOffset[]> {
    return this.#offsets.list(groupId);
  }

  async commitOffsets(member: GroupMember, offsets: readonly OffsetCommit[]): Promise<void> {
    this.#coordinator.checkCommit(member, false);
    const { groupId } = member;
    return this.#writer.submit({
      bytes: 0,
      durable: true,
      prepare: (write) => {
        write.putRows(...offsetRows(groupId, offsets));
        return () => this.#offsets.apply(groupId, offsets);
      },
    });
  }

  async deleteOffsets(groupId: string, partitions: readonly TopicPartition[]): Promise<void> {
    return this.#writer.submit({
      bytes: 0,
      durable: true,
      prepare: (write) => {
        this.#coordinator.assertInactive(groupId);
        for (const { topic, partition } of partitions) {
          write.putRows({ key: offsetRowKey(groupId, topic, partition), value: null });
        }
        return () => this.#offsets.delete(groupId, partitions);
      },
    });
  }

  async describe(groupId: string): Promise<GroupDescription> {
    return this.#coordinator.describe(groupId);
  }

  async list(): Promise<readonly string[]> {
    return [...new Set([...this.#coordinator.list(), ...this.#offsets.groups()])].sort();
  }
}
