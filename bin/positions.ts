/** Where reading begins: `earliest`, `latest`, or a time. */

import type { Broker, PartitionOffset, TopicPartition } from 'gavel/streams';
import { GavelError } from 'gavel/streams';

import { nearest } from './nearest.ts';
import { parseTime } from './values.ts';

/** @throws GavelError `TOPIC_UNKNOWN` with the topic that was probably meant */
export async function partitionsOf(broker: Broker, topic: string): Promise<readonly TopicPartition[]> {
  const topics = await broker.describeTopics();
  const found = topics.find(({ name }) => name === topic);
  if (found !== undefined) return Array.from({ length: found.partitions }, (_, partition) => ({ topic, partition }));
  const names = topics.map(({ name }) => name);
  const near = nearest(topic, names);
  throw new GavelError('TOPIC_UNKNOWN', `there is no topic ${topic}`, {
    hint: near === undefined ? `there are ${names.join(', ') || 'none yet'}` : `did you mean ${near}?`,
  });
}

/** @throws GavelError `OPTION_INVALID` */
export async function startOffsets(
  broker: Broker,
  partitions: readonly TopicPartition[],
  from: string,
): Promise<readonly PartitionOffset[]> {
  const at = from === 'earliest' || from === 'latest' ? from : parseTime(from, '--from');
  return await broker.listOffsets(partitions, at);
}
