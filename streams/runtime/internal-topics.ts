/** The topics that an application needs beyond its own: repartitions, changelogs and dead letters. */

import type { Broker, TopicDescription } from '../broker.ts';
import { GavelError } from '../errors.ts';
import type { InputNode, Subtopology, Topology } from '../graph/topology.ts';
import { changelogTopicName, repartitionTopicName } from '../graph/topology.ts';
import type { TopicSpec } from '../topic.ts';
import { TOPIC_CONFIG_DEFAULTS } from '../topic.ts';
import { deadLetterTopic } from './dead-letter.ts';

/** Name of the topic that an input reads. */
export function topicOfInput(applicationId: string, input: InputNode): string {
  return input.kind === 'source' ? input.topic.name : repartitionTopicName(applicationId, input.name);
}

/** Tasks of a sub-topology: as many as its inputs have partitions. */
export type PartitionCounts = ReadonlyMap<string, number>;

/** Partitions by sub-topology; a repartition takes those of the sub-topology before it unless it says otherwise. */
export function partitionCounts(topology: Topology): PartitionCounts {
  const counts = new Map<string, number>();
  const count = (sub: Subtopology): number => {
    const known = counts.get(sub.name);
    if (known !== undefined) return known;
    let partitions = 0;
    for (const input of sub.inputs) {
      if (input.kind === 'source') partitions = Math.max(partitions, input.topic.partitions);
      else if (input.partitions !== undefined) partitions = Math.max(partitions, input.partitions);
    }
    for (const input of partitions === 0 ? sub.inputs : []) {
      const before = topology.subtopologies.find((other) => (other.outputs as readonly unknown[]).includes(input));
      if (before !== undefined && before !== sub) partitions = Math.max(partitions, count(before));
    }
    counts.set(sub.name, partitions);
    return partitions;
  };
  for (const sub of topology.subtopologies) count(sub);
  return counts;
}

export function internalTopics(applicationId: string, topology: Topology): readonly TopicSpec[] {
  const counts = partitionCounts(topology);
  const topics: TopicSpec[] = [];
  for (const sub of topology.subtopologies) {
    const partitions = counts.get(sub.name) as number;
    if (sub.processors.length > 0) {
      topics.push({
        name: changelogTopicName(applicationId, sub.name),
        partitions,
        config: { ...TOPIC_CONFIG_DEFAULTS, cleanup: 'compact', retentionMs: -1 },
      });
    }
    for (const input of sub.inputs) {
      if (input.kind === 'source') topics.push(deadLetterTopic(input.topic, topology.shadow));
      else {
        const spec = {
          name: repartitionTopicName(applicationId, input.name),
          partitions,
          config: { ...TOPIC_CONFIG_DEFAULTS, retentionMs: -1 },
        };
        topics.push(spec, deadLetterTopic(spec, topology.shadow));
      }
    }
  }
  return topics;
}

/** Creates what is missing and describes all topics of the topology by name. */
export async function ensureTopics(
  broker: Broker,
  applicationId: string,
  topology: Topology,
): Promise<ReadonlyMap<string, TopicDescription>> {
  const wanted = [...topology.topics, ...internalTopics(applicationId, topology)].map(
    ({ name, partitions, config }) => ({
      name,
      partitions,
      config,
    }),
  );
  await broker.createTopics(wanted);
  const described = await broker.describeTopics(wanted.map(({ name }) => name));
  const byName = new Map(described.map((topic) => [topic.name, topic]));
  for (const { name } of wanted) {
    if (!byName.has(name))
      throw new GavelError('TOPIC_UNKNOWN', `topic "${name}" was created but is not there`, { hint: 'start again' });
  }
  return byName;
}
