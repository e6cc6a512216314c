/** A topology as plain data: what `describe` prints, in the order in which records flow. */

import type { Edge, GraphNode, StoreSpec } from './nodes.ts';
import type { InputNode, OutputNode, Subtopology, Topology } from './topology.ts';
import { changelogTopicName, repartitionTopicName } from './topology.ts';

/** Stands for the application id in the names of internal topics. */
const APPLICATION = '<application>';

export interface TopologyDescription {
  readonly subtopologies: readonly SubtopologyDescription[];
  readonly globalTables: readonly { readonly name: string; readonly topic: string }[];
}

export interface SubtopologyDescription {
  readonly name: string;
  readonly inputs: readonly InputDescription[];
  readonly processors: readonly ProcessorDescription[];
  readonly outputs: readonly OutputDescription[];
  readonly stores: readonly StoreDescription[];
  /** Null where nothing is logged. */
  readonly changelog: string | null;
}

export interface InputDescription {
  readonly kind: 'source' | 'repartition';
  readonly name: string;
  readonly topic: string;
  /** Null where a repartition follows its neighbours. */
  readonly partitions: number | null;
  readonly clock: boolean;
}

export interface EdgeDescription {
  readonly node: string;
  readonly port: string;
}

export interface ProcessorDescription {
  readonly name: string;
  readonly from: readonly EdgeDescription[];
  readonly ports: readonly string[];
  readonly stores: readonly string[];
  readonly globalTables: readonly string[];
}

export interface OutputDescription {
  readonly kind: 'sink' | 'repartition';
  readonly name: string;
  readonly from: readonly EdgeDescription[];
  readonly topics: readonly string[];
  readonly feedback: boolean;
}

export interface StoreDescription {
  readonly name: string;
  readonly logged: boolean;
  readonly indexes: readonly string[];
}

export function descriptionOf(topology: Topology): TopologyDescription {
  return {
    subtopologies: flowOrder(topology.subtopologies).map(describeSubtopology),
    globalTables: topology.globalTables.map(({ name, topic }) => ({ name, topic: topic.name })),
  };
}

function describeSubtopology(sub: Subtopology): SubtopologyDescription {
  const stores = [...sub.stores.values()];
  return {
    name: sub.name,
    inputs: sub.inputs.map(describeInput),
    processors: sub.processors.map((node) => ({
      name: node.name,
      from: node.from.map(describeEdge),
      ports: node.ports,
      stores: Object.values(node.stores).map((store) => store.name),
      globalTables: Object.values(node.tables).map((table) => table.name),
    })),
    outputs: sub.outputs.map(describeOutput),
    stores: stores.map(describeStore),
    changelog: stores.some((store) => store.logged) ? changelogTopicName(APPLICATION, sub.name) : null,
  };
}

function describeInput(input: InputNode): InputDescription {
  const { kind, name } = input;
  if (kind === 'source')
    return { kind, name, topic: input.topic.name, partitions: input.topic.partitions, clock: input.clock };
  return {
    kind,
    name,
    topic: repartitionTopicName(APPLICATION, name),
    partitions: input.partitions ?? null,
    clock: false,
  };
}

function describeOutput(output: OutputNode): OutputDescription {
  const { kind, name } = output;
  const from = output.from.map(describeEdge);
  if (kind === 'repartition')
    return { kind, name, from, topics: [repartitionTopicName(APPLICATION, name)], feedback: false };
  return { kind, name, from, topics: output.topics.map((topic) => topic.name), feedback: output.feedback };
}

function describeStore({ name, logged, indexes }: StoreSpec<unknown, unknown>): StoreDescription {
  return { name, logged, indexes: Object.keys(indexes) };
}

function describeEdge({ node, port }: Edge<unknown, unknown>): EdgeDescription {
  return { node: node.name, port };
}

/** Each sub-topology behind those whose repartitions it reads; else in the author's order. */
function flowOrder(subtopologies: readonly Subtopology[]): readonly Subtopology[] {
  const writer = new Map<GraphNode, Subtopology>();
  for (const sub of subtopologies) for (const output of sub.outputs) writer.set(output, sub);
  const ordered = new Set<Subtopology>();
  const visiting = new Set<Subtopology>();
  const visit = (sub: Subtopology): void => {
    if (visiting.has(sub)) return;
    visiting.add(sub);
    for (const input of sub.inputs) {
      const before = writer.get(input);
      if (before !== undefined) visit(before);
    }
    ordered.add(sub);
  };
  for (const sub of subtopologies) visit(sub);
  return [...ordered];
}
