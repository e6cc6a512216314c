/** Committed offsets of groups, and those that wait in open transactions. */

import type { CommittedOffset, OffsetCommit, TopicPartition } from '../streams/broker.ts';
import { partitionKey } from '../streams/broker.ts';
import { GavelError } from '../streams/errors.ts';

interface GroupRows {
  readonly committed: Map<string, CommittedOffset>;
  /** Partition → open transactions that will move its offset. */
  readonly pending: Map<string, number>;
}

/** Offsets held in memory; durable brokers write a row first and call `apply` then. */
export class GroupOffsets {
  readonly #groups = new Map<string, GroupRows>();

  /** Makes offsets the committed ones. */
  apply(groupId: string, offsets: readonly OffsetCommit[]): void {
    const { committed } = this.#rows(groupId);
    for (const { topic, partition, offset, metadata } of offsets) {
      committed.set(partitionKey(topic, partition), { topic, partition, offset, metadata });
    }
  }

  /** A transaction carries offsets: nobody may rely on the committed ones until `release`. */
  hold(groupId: string, partitions: readonly TopicPartition[]): void {
    const { pending } = this.#rows(groupId);
    for (const { topic, partition } of partitions) {
      const key = partitionKey(topic, partition);
      pending.set(key, (pending.get(key) ?? 0) + 1);
    }
  }

  /** The transaction has ended; call `apply` before, if it was committed. */
  release(groupId: string, partitions: readonly TopicPartition[]): void {
    const { pending } = this.#rows(groupId);
    for (const { topic, partition } of partitions) {
      const key = partitionKey(topic, partition);
      const left = (pending.get(key) ?? 0) - 1;
      if (left > 0) pending.set(key, left);
      else pending.delete(key);
    }
  }

  /** @throws GavelError `UNSTABLE_OFFSETS` where a transaction holds one of them. */
  committed(groupId: string, partitions: readonly TopicPartition[]): CommittedOffset[] {
    const rows = this.#groups.get(groupId);
    if (rows === undefined) return [];
    const found: CommittedOffset[] = [];
    for (const { topic, partition } of partitions) {
      const key = partitionKey(topic, partition);
      if (rows.pending.has(key)) {
        throw new GavelError('UNSTABLE_OFFSETS', `a transaction of group ${groupId} on ${key} is still open`);
      }
      const offset = rows.committed.get(key);
      if (offset !== undefined) found.push(offset);
    }
    return found;
  }

  list(groupId: string): CommittedOffset[] {
    return [...(this.#groups.get(groupId)?.committed.values() ?? [])];
  }

  delete(groupId: string, partitions: readonly TopicPartition[]): void {
    const committed = this.#groups.get(groupId)?.committed;
    for (const { topic, partition } of partitions) committed?.delete(partitionKey(topic, partition));
  }

  /** Forgets the offsets of a deleted topic; answers which groups had some. */
  deleteTopic(topic: string): { readonly groupId: string; readonly partitions: readonly TopicPartition[] }[] {
    const dropped = [];
    for (const [groupId, { committed }] of this.#groups) {
      const partitions = [...committed.values()].filter((offset) => offset.topic === topic);
      this.delete(groupId, partitions);
      if (partitions.length > 0) dropped.push({ groupId, partitions });
    }
    return dropped;
  }

  /** Groups that have offsets. */
  groups(): string[] {
    return [...this.#groups].filter(([, rows]) => rows.committed.size > 0).map(([groupId]) => groupId);
  }

  #rows(groupId: string): GroupRows {
    let rows = this.#groups.get(groupId);
    if (rows === undefined) {
      rows = { committed: new Map(), pending: new Map() };
      this.#groups.set(groupId, rows);
    }
    return rows;
  }
}
