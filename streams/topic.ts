/** A topic as the application declares it: its name, its serdes and how it should be created. */

import type { Serde } from './serde.ts';

export interface TopicConfig {
  /** `delete` drops old records by time, `compact` keeps the latest of each key. Default `delete`. */
  readonly cleanup: 'delete' | 'compact';
  /** Milliseconds a record is kept with `delete`; -1 = for ever. Default 7 days. */
  readonly retentionMs: number;
  /** Whether a record's time is its producer's (`create`) or the log's at the append (`append`). Default `create`. */
  readonly timestampType: 'create' | 'append';
  /** Milliseconds that a tombstone of a compacted topic stays readable. Default 24 hours. */
  readonly deleteRetentionMs: number;
  /** Bytes of the largest record batch taken. Default 1 MiB. */
  readonly maxMessageBytes: number;
}

export const TOPIC_CONFIG_DEFAULTS = Object.freeze({
  cleanup: 'delete',
  retentionMs: 7 * 24 * 3_600_000,
  timestampType: 'create',
  deleteRetentionMs: 24 * 3_600_000,
  maxMessageBytes: 1_048_576,
} as const) satisfies TopicConfig;

/** What a broker needs to create a topic. */
export interface TopicSpec {
  readonly name: string;
  readonly partitions: number;
  readonly config: TopicConfig;
}

/** A topic with its types. */
export interface Topic<K, V> extends TopicSpec {
  readonly key: Serde<K>;
  readonly value: Serde<V>;
}

export interface TopicOptions<K, V> extends Partial<TopicConfig> {
  readonly name: string;
  readonly key: Serde<K>;
  readonly value: Serde<V>;
  /** Default 3. */
  readonly partitions?: number;
}

/** Declares a topic; creates nothing. */
export function defineTopic<K, V>(options: TopicOptions<K, V>): Topic<K, V> {
  const { name, key, value, partitions = 3, ...config } = options;
  return Object.freeze({
    name,
    key,
    value,
    partitions,
    config: Object.freeze({ ...TOPIC_CONFIG_DEFAULTS, ...config }),
  });
}
