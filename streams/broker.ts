/**
 * The broker port: partitioned logs, consumer groups and transactions, in the terms of Kafka's protocol.
 * Everything that is read or written is a record batch in the format of `record-batch/` (docs/formats.md).
 */

import type { TopicSpec } from './topic.ts';
import type { GavelError } from './errors.ts';

export interface TopicPartition {
  readonly topic: string;
  readonly partition: number;
}

export interface PartitionOffset extends TopicPartition {
  readonly offset: number;
}

/** The text form of a topic-partition, for keys of maps. */
export function partitionKey(topic: string, partition: number): string {
  return `${topic}:${partition}`;
}

export interface TopicDescription extends TopicSpec {
  /** Changes when a topic is deleted and created again. */
  readonly id: string;
}

/** A batch to append. `bytes` is complete but for producer id, epoch, sequence, attributes and CRC, which the adapter seals. */
export interface ProducedBatch extends TopicPartition {
  readonly bytes: Buffer;
  /** Records in it. */
  readonly count: number;
}

/** Where a produced batch went. */
export interface ProducedOffset extends TopicPartition {
  /** Offset of the first record. */
  readonly baseOffset: number;
  readonly count: number;
  /** The log's stamp with `timestampType: append`, else -1. */
  readonly timestamp: number;
  readonly leaderEpoch: number;
}

/** What a fetch of one partition brought: read committed, in order, decompressed. */
export interface FetchedPartition extends TopicPartition {
  /** Whole batches, one per buffer; markers and aborted ones are already gone. May be empty while `position` moves on. */
  readonly batches: readonly Buffer[];
  /** Records below this offset in the first batch are not wanted: they came along. */
  readonly from: number;
  /** The next offset to fetch: behind everything above, markers included. */
  readonly position: number;
  /** End of what a read-committed consumer can see now. */
  readonly lastStableOffset: number;
  /** Set instead of data: `OFFSET_OUT_OF_RANGE`, `TOPIC_UNKNOWN`, `LOG_CORRUPT`. The partition is unassigned then. */
  readonly error?: GavelError;
}

export interface FetcherOptions {
  /** Bytes that may wait to be taken, per partition. Default 1 MiB; at least one batch always fits. */
  readonly maxBytesPerPartition?: number;
  /** Called, possibly often, whenever `poll` has something new. Must not throw. */
  readonly onReady?: () => void;
}

/** Fetches chosen partitions in the background, read committed. Fetching of a partition stops while what it brought was not taken. */
export interface Fetcher {
  /** Starts (or goes on) at `offset`; data fetched earlier for the partition is dropped. */
  assign(topic: string, partition: number, offset: number): void;
  /** Stops; nothing of the partition is delivered after this. */
  unassign(topic: string, partition: number): void;
  /** Holds delivery and fetching back; `resume` goes on without loss. */
  pause(topic: string, partition: number): void;
  resume(topic: string, partition: number): void;
  /** Takes what has arrived since the last call; never waits. A partition without news is absent. */
  poll(): readonly FetchedPartition[];
  close(): Promise<void>;
}

/** An idempotent producer without transactions: every batch lands exactly once, in order per partition. */
export interface Producer {
  /**
   * Appends batches; those of one partition in the order of the calls.
   * @throws GavelError `TOPIC_UNKNOWN`, `RECORD_TOO_LARGE`, `STORAGE_FULL`, `OUTCOME_UNKNOWN`.
   */
  produce(batches: readonly ProducedBatch[]): Promise<readonly ProducedOffset[]>;
  close(): Promise<void>;
}

/** Who commits offsets; the fence of KIP-447. Generation -1 with an empty member id: no membership, no fence. */
export interface GroupMember {
  readonly groupId: string;
  readonly generation: number;
  readonly memberId: string;
}

export interface OffsetCommit extends PartitionOffset {
  /** Free text kept beside the offset; the engine writes partition times here. */
  readonly metadata: string;
}

/** One transaction. Its calls may overlap, but `commit` only after the others have answered. */
export interface Transaction {
  /** @throws GavelError `PRODUCER_FENCED`, `OUTCOME_UNKNOWN`, `TOPIC_UNKNOWN`, `RECORD_TOO_LARGE`, `STORAGE_FULL`. */
  produce(batches: readonly ProducedBatch[]): Promise<void>;
  /** @throws GavelError `ILLEGAL_GENERATION`, `UNKNOWN_MEMBER`, `PRODUCER_FENCED`, `OUTCOME_UNKNOWN`. After any error: abort. */
  commitOffsets(member: GroupMember, offsets: readonly OffsetCommit[]): Promise<void>;
  /**
   * Ends it. Answers where each batch of `produce` went, in the order of the calls.
   * @throws GavelError `OUTCOME_UNKNOWN` or `PRODUCER_FENCED`: call `init` again, never `commit`.
   */
  commit(): Promise<readonly ProducedOffset[]>;
  abort(): Promise<void>;
}

export interface TransactionalProducer {
  /** Fences every older producer of the same transactional id and ends its open transaction, so its outcome is known after this. */
  init(): Promise<void>;
  /** Begins the next transaction: one at a time, and only after `init`. */
  begin(): Transaction;
  close(): Promise<void>;
}

export interface JoinRequest {
  readonly groupId: string;
  /** Empty on the first join. */
  readonly memberId: string;
  /** Static membership (KIP-345), or null. */
  readonly instanceId: string | null;
  readonly sessionTimeoutMs: number;
  readonly rebalanceTimeoutMs: number;
  /** What the member wants the leader to know. */
  readonly metadata: Buffer;
}

export interface JoinAnswer {
  readonly memberId: string;
  readonly generation: number;
  readonly leaderId: string;
  /** All members with their metadata, for the leader only; else empty. */
  readonly members: readonly { readonly memberId: string; readonly metadata: Buffer }[];
}

export interface SyncRequest extends GroupMember {
  /** From the leader: bytes for each member; else empty. */
  readonly assignments: readonly { readonly memberId: string; readonly assignment: Buffer }[];
}

export interface GroupDescription {
  readonly groupId: string;
  /** -1 where the broker does not tell. */
  readonly generation: number;
  readonly members: readonly { readonly memberId: string; readonly instanceId: string | null }[];
}

export interface CommittedOffset extends OffsetCommit {}

/** Consumer groups: Kafka's join, sync, heartbeat and leave, and the offsets. */
export interface Groups {
  /** Waits until all members have joined or the longest rebalance timeout has passed. @throws `UNKNOWN_MEMBER`, `FENCED_INSTANCE`. */
  join(request: JoinRequest): Promise<JoinAnswer>;
  /** Waits for the leader's assignment; answers this member's. @throws `REBALANCE_IN_PROGRESS`, `UNKNOWN_MEMBER`, `ILLEGAL_GENERATION`. */
  sync(request: SyncRequest): Promise<Buffer>;
  /** @throws `REBALANCE_IN_PROGRESS` (finish the commit, then join), `UNKNOWN_MEMBER`, `ILLEGAL_GENERATION`, `FENCED_INSTANCE`. */
  heartbeat(member: GroupMember): Promise<void>;
  /** Leaves at once; leaving twice is allowed. */
  leave(member: GroupMember): Promise<void>;
  /** Partitions without a committed offset are absent. @throws `UNSTABLE_OFFSETS` while a transaction with offsets of them is open. */
  committedOffsets(groupId: string, partitions: readonly TopicPartition[]): Promise<readonly CommittedOffset[]>;
  /** All offsets of a group. */
  listOffsets(groupId: string): Promise<readonly CommittedOffset[]>;
  /** Outside of transactions; fenced like `Transaction.commitOffsets`. */
  commitOffsets(member: GroupMember, offsets: readonly OffsetCommit[]): Promise<void>;
  /** @throws `GROUP_ACTIVE` while it has members. */
  deleteOffsets(groupId: string, partitions: readonly TopicPartition[]): Promise<void>;
  describe(groupId: string): Promise<GroupDescription>;
  list(): Promise<readonly string[]>;
}

export interface Broker {
  readonly kind: 'memory' | 'embedded' | 'remote' | 'kafka';
  readonly groups: Groups;
  /** Creates those that are missing. @throws `TOPIC_MISMATCH` where one exists with another partition count. */
  createTopics(topics: readonly TopicSpec[]): Promise<void>;
  /** Those of the named topics (default: all) that exist, sorted by name. */
  describeTopics(names?: readonly string[]): Promise<readonly TopicDescription[]>;
  /** Deleting a missing topic is allowed. */
  deleteTopics(names: readonly string[]): Promise<void>;
  /** Drops everything below the offsets. */
  deleteRecords(before: readonly PartitionOffset[]): Promise<void>;
  /**
   * `earliest` = start of the log, `latest` = last stable offset, `end` = end of the log, open transactions included,
   * a time in ms = first offset with a record time ≥ it (the last stable offset where there is none). @throws `TOPIC_UNKNOWN`.
   */
  listOffsets(
    partitions: readonly TopicPartition[],
    at: 'earliest' | 'latest' | 'end' | number,
  ): Promise<readonly PartitionOffset[]>;
  fetcher(options?: FetcherOptions): Fetcher;
  producer(): Producer;
  transactionalProducer(transactionalId: string): TransactionalProducer;
  close(): Promise<void>;
}
