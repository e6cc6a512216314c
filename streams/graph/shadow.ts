/** A shadow of a topology: the same steps on the same sources, with outputs of its own, to compare what it decides with what was decided. */

import type { Topic } from '../topic.ts';
import type { SinkNode } from './nodes.ts';
import type { OutputNode, Subtopology, Topology } from './topology.ts';

/** Name of a topic that a shadow writes instead of `topic`. */
export function shadowTopicName(topic: string, shadow: string): string {
  return `${topic}.${shadow}`;
}

/**
 * The shadow writes to `<topic>.<shadow>`, and nothing to feedback topics, which are sources. Run it with an application id of its own
 * and `clockRecords: false`: then the topics of the original stay as they are.
 *
 * @param shadow e.g. `shadow-1`
 */
export function shadowOf(topology: Topology, shadow: string): Topology {
  const renamed = new Map<Topic<unknown, unknown>, Topic<unknown, unknown>>();
  const rename = (topic: Topic<unknown, unknown>): Topic<unknown, unknown> => {
    let other = renamed.get(topic);
    if (other === undefined)
      renamed.set(topic, (other = Object.freeze({ ...topic, name: shadowTopicName(topic.name, shadow) })));
    return other;
  };
  const sink = (node: SinkNode): SinkNode => {
    const { route } = node;
    return Object.freeze({
      ...node,
      topics: node.topics.map(rename),
      route: route === undefined ? undefined : (key: unknown, value: unknown) => rename(route(key, value)),
    });
  };
  const outputs = ({ outputs }: Subtopology): readonly OutputNode[] =>
    outputs
      .filter((node) => node.kind === 'repartition' || !node.feedback)
      .map((node) => (node.kind === 'sink' ? sink(node) : node));
  const subtopologies = topology.subtopologies.map((sub) => Object.freeze({ ...sub, outputs: outputs(sub) }));
  const sources = subtopologies.flatMap(({ inputs }) =>
    inputs.flatMap((input) => (input.kind === 'source' ? [input.topic] : [])),
  );
  const topics = [...sources, ...topology.globalTables.map(({ topic }) => topic), ...renamed.values()];
  return Object.freeze({ ...topology, subtopologies, topics: [...new Set(topics)], shadow });
}
