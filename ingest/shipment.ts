/** What is sent to one topic: records in a fixed order, each known by the line of the file that it comes from. */

import { bytesSerde, type Topic, type TopicSpec } from 'gavel/streams';
import type { OutgoingRecord } from './ports.ts';

/** Header keys of every record that the loader sends. */
export const FILE_HEADER = 'gavel-file';
export const LINE_HEADER = 'gavel-line';

/** Keys and values are bytes already. */
export type RawTopic = Topic<Uint8Array, Uint8Array>;
export type RawRecord = OutgoingRecord<Uint8Array, Uint8Array>;

/**
 * The rank is a record's place in the order of sending. Within one file and one partition that order follows from the
 * file alone: it is the same in every run, whatever other files are loaded with it.
 */
export interface Shipment {
  readonly topic: RawTopic;
  /** Ids of the files, in the order given. */
  readonly files: readonly string[];
  readonly size: number;
  /** Number of the file in `files`. */
  fileAt(rank: number): number;
  lineAt(rank: number): number;
  partitionAt(rank: number): number;
  recordAt(rank: number, timestamp: number): RawRecord;
}

/** The topic for records that are encoded already. */
export function rawTopic({ name, partitions, config }: TopicSpec): RawTopic {
  return { name, partitions, config, key: bytesSerde, value: bytesSerde };
}
