/**
 * The rows of the embedded log, one LevelDB (docs/formats.md). Numbers are big-endian, so byte order is number order.
 *
 * | key                                                     | value                                              |
 * |---------------------------------------------------------|----------------------------------------------------|
 * | `b` topic number u32, partition u32, last offset u64    | one record batch; sought by last offset, so that   |
 * |                                                         | the first row at or behind an offset holds it      |
 * | `p` topic number u32, partition u32                     | JSON `PartitionRow`: start, end, state of cleaning |
 * | `t` name                                                | JSON `TopicRow`                                    |
 * | `d` topic number u32                                    | empty: a deleted topic whose batches must still go |
 * | `o` JSON [group, topic, partition]                      | JSON `OffsetRow`                                   |
 * | `x` transactional id                                    | JSON `Identity`                                    |
 * | `m`                                                     | JSON `MetaRow`                                     |
 */

import type { TopicConfig } from '../../streams/topic.ts';
import { readLong, writeLong } from '../../streams/record-batch/format.ts';

export const FORMAT_VERSION = 1;

export interface MetaRow {
  readonly format: number;
  /** How often the log was opened: producer ids are unique through it. */
  readonly opened: number;
  readonly nextTopicNumber: number;
}

export interface TopicRow {
  readonly number: number;
  readonly id: string;
  readonly partitions: number;
  readonly config: TopicConfig;
}

export interface PartitionRow {
  /** First offset that may be read. */
  readonly start: number;
  /** Offsets given away when the row was written: the end is never below, even if no batch is left. */
  readonly end: number;
  /** Below, compaction has removed what was superseded. */
  readonly cleanedTo: number;
  /** Bytes of the batches below `cleanedTo`. */
  readonly cleanBytes: number;
  /** Ends of former passes with their times, oldest first: a tombstone below one that is old enough may go. */
  readonly passes: readonly { readonly to: number; readonly at: number }[];
}

export interface OffsetRow {
  readonly offset: number;
  readonly metadata: string;
}

export const META_KEY = Buffer.from('m');

const BATCH = 0x62;
const PARTITION = 0x70;
const DELETED = 0x64;
const BATCH_KEY_BYTES = 17;

export function batchKey(topicNumber: number, partition: number, lastOffset: number): Buffer {
  const key = Buffer.allocUnsafe(BATCH_KEY_BYTES);
  key[0] = BATCH;
  key.writeUInt32BE(topicNumber, 1);
  key.writeUInt32BE(partition, 5);
  writeLong(key, lastOffset, 9);
  return key;
}

export function lastOffsetOf(key: Buffer): number {
  return readLong(key, 9);
}

export function partitionRowKey(topicNumber: number, partition: number): Buffer {
  const key = Buffer.allocUnsafe(9);
  key[0] = PARTITION;
  key.writeUInt32BE(topicNumber, 1);
  key.writeUInt32BE(partition, 5);
  return key;
}

export function topicRowKey(name: string): Buffer {
  return Buffer.from(`t${name}`);
}

export function deletedRowKey(topicNumber: number): Buffer {
  const key = Buffer.allocUnsafe(5);
  key[0] = DELETED;
  key.writeUInt32BE(topicNumber, 1);
  return key;
}

export function topicNumberOf(deletedKey: Buffer): number {
  return deletedKey.readUInt32BE(1);
}

export function offsetRowKey(groupId: string, topic: string, partition: number): Buffer {
  return Buffer.from(`o${JSON.stringify([groupId, topic, partition])}`);
}

export function offsetRowOf(key: Buffer): readonly [groupId: string, topic: string, partition: number] {
  return JSON.parse(key.toString('utf8', 1)) as [string, string, number];
}

export function transactionalIdKey(transactionalId: string): Buffer {
  return Buffer.from(`x${transactionalId}`);
}

/** All rows of one kind. */
export function rowsOf(kind: 't' | 'd' | 'o' | 'x' | 'p'): { gte: Buffer; lt: Buffer } {
  return { gte: Buffer.from(kind), lt: Buffer.from([kind.charCodeAt(0) + 1]) };
}

/** All batches of a topic. */
export function batchesOf(topicNumber: number): { gte: Buffer; lt: Buffer } {
  return { gte: batchKey(topicNumber, 0, 0), lt: batchKey(topicNumber + 1, 0, 0) };
}

export function partitionRowsOf(topicNumber: number): { gte: Buffer; lt: Buffer } {
  return { gte: partitionRowKey(topicNumber, 0), lt: partitionRowKey(topicNumber + 1, 0) };
}

export function toJson(
  row: MetaRow | TopicRow | PartitionRow | OffsetRow | { producerId: number; epoch: number },
): Buffer {
  return Buffer.from(JSON.stringify(row));
}

export function fromJson<T>(bytes: Buffer): T {
  return JSON.parse(bytes.toString('utf8')) as T;
}
