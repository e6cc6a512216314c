/** Records that could not be processed: their original bytes with headers that say why and where from. */

import type { Header } from '../record.ts';
import type { TopicSpec } from '../topic.ts';
import { TOPIC_CONFIG_DEFAULTS } from '../topic.ts';

/** Which part of the work refused the record. */
export type FailureStage = 'deserialization' | 'processing' | 'production' | 'application';

export interface DeadLetterReason {
  readonly stage: FailureStage;
  /** An error code or a reason of the application's. */
  readonly reason: string;
  readonly message: string;
  readonly topic: string;
  readonly partition: number;
  readonly offset: number;
}

/** Header keys of a dead letter; the original headers stand before them. */
export const DEAD_LETTER_HEADERS = Object.freeze({
  stage: 'gavel-error-stage',
  reason: 'gavel-error-reason',
  message: 'gavel-error-message',
  topic: 'gavel-error-topic',
  partition: 'gavel-error-partition',
  offset: 'gavel-error-offset',
});

const MESSAGE_MAX = 1_000;
/** Bytes that the headers of a dead letter add to its record at most. */
const HEADERS_BYTES_MAX = 8_192;

/** @param shadow set where a shadow writes it: its dead letters are its own */
export function deadLetterTopicName(topic: string, shadow?: string): string {
  return shadow === undefined ? `${topic}.dlq` : `${topic}.dlq.${shadow}`;
}

/** The dead-letter topic of a source: as many partitions, kept for ever, with room for whatever the source has room for. */
export function deadLetterTopic(source: TopicSpec, shadow?: string): TopicSpec {
  return {
    name: deadLetterTopicName(source.name, shadow),
    partitions: source.partitions,
    config: {
      ...TOPIC_CONFIG_DEFAULTS,
      retentionMs: -1,
      maxMessageBytes: source.config.maxMessageBytes + HEADERS_BYTES_MAX,
    },
  };
}

export function deadLetterHeaders(original: readonly Header[], why: DeadLetterReason): readonly Header[] {
  const names = DEAD_LETTER_HEADERS;
  return [
    ...original,
    { key: names.stage, value: Buffer.from(why.stage) },
    { key: names.reason, value: Buffer.from(why.reason) },
    { key: names.message, value: Buffer.from(why.message.slice(0, MESSAGE_MAX)) },
    { key: names.topic, value: Buffer.from(why.topic) },
    { key: names.partition, value: Buffer.from(String(why.partition)) },
    { key: names.offset, value: Buffer.from(String(why.offset)) },
  ];
}
