/** What a broker checks before it creates a topic or appends to one. */

import type { ProducedBatch } from '../streams/broker.ts';
import type { TopicSpec } from '../streams/topic.ts';
import { GavelError } from '../streams/errors.ts';
import { RECORD_COUNT } from '../streams/record-batch/format.ts';
import { batchEnd } from '../streams/record-batch/index.ts';

const LEGAL_NAME = /^[a-zA-Z0-9._-]{1,249}$/;

/** @throws GavelError `OPTION_INVALID`; `TOPIC_MISMATCH` where `existing` has another partition count */
export function checkTopic(spec: TopicSpec, existing: TopicSpec | undefined): void {
  if (!LEGAL_NAME.test(spec.name) || spec.name === '.' || spec.name === '..') {
    throw new GavelError('OPTION_INVALID', `"${spec.name}" cannot be the name of a topic`, {
      hint: 'Use 1 to 249 letters, digits, dots, underscores and hyphens.',
    });
  }
  if (!Number.isInteger(spec.partitions) || spec.partitions < 1) {
    throw new GavelError('OPTION_INVALID', `topic ${spec.name} cannot have ${spec.partitions} partitions`);
  }
  if (existing !== undefined && existing.partitions !== spec.partitions) {
    throw new GavelError(
      'TOPIC_MISMATCH',
      `topic ${spec.name} exists with ${existing.partitions} partitions, not ${spec.partitions}`,
      { hint: 'Delete the topic, use another name, or declare it with the partitions it has.' },
    );
  }
}

/** @throws GavelError `RECORD_TOO_LARGE`, `BATCH_CORRUPT` where the batch does not hold what it says */
export function checkBatch({ topic, partition, bytes, count }: ProducedBatch, maxMessageBytes: number): void {
  if (bytes.length > maxMessageBytes) {
    throw new GavelError(
      'RECORD_TOO_LARGE',
      `a record batch of ${bytes.length} bytes for ${topic}:${partition} is larger than the ${maxMessageBytes} it takes`,
      { hint: "Send smaller batches or records, or raise the topic's maxMessageBytes." },
    );
  }
  if (batchEnd(bytes, 0) !== bytes.length || bytes.readInt32BE(RECORD_COUNT) !== count || count < 1) {
    throw new GavelError(
      'BATCH_CORRUPT',
      `a record batch for ${topic}:${partition} does not hold the ${count} records it should`,
    );
  }
}

export function topicUnknown(topic: string, partition?: number): GavelError {
  const what = partition === undefined ? `topic ${topic}` : `partition ${topic}:${partition}`;
  return new GavelError('TOPIC_UNKNOWN', `there is no ${what}`);
}
