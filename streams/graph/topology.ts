/** A topology: one immutable value of nodes cut into sub-topologies, checked as a whole before anything starts. */

import { GavelError } from '../errors.ts';
import type { TopicSpec } from '../topic.ts';
import type { GlobalTableNode, GraphNode, ProcessorNode, RepartitionNode, SinkNode, SourceNode, StoreSpec } from './nodes.ts';
import { findFaults } from './faults.ts';

/** Where a sub-topology's records come from. */
export type InputNode = SourceNode<unknown, unknown> | RepartitionNode<unknown, unknown>;
/** Where its records go to. */
export type OutputNode = SinkNode | RepartitionNode<unknown, unknown>;

/** Nodes that share partitions and stores: times its partitions it makes tasks. */
export interface Subtopology {
  readonly name: string;
  readonly inputs: readonly InputNode[];
  /** Each behind those it reads from. */
  readonly processors: readonly ProcessorNode[];
  readonly outputs: readonly OutputNode[];
  /** By name. */
  readonly stores: ReadonlyMap<string, StoreSpec<unknown, unknown>>;
}

export interface Topology {
  readonly subtopologies: readonly Subtopology[];
  readonly globalTables: readonly GlobalTableNode<unknown, unknown>[];
  /** Every topic that must exist before the start; internal ones are the application's (`internalTopics`). */
  readonly topics: readonly TopicSpec[];
}

/**
 * Makes a topology of named sub-topologies, each given by its last nodes; what they read from is found by itself.
 * What stands before a `repartition` is a sub-topology of its own, named like the repartition unless an entry claims it.
 *
 * @throws GavelError `TOPOLOGY_INVALID` with every fault at once
 */
export function topology(ends: { readonly [subtopology: string]: readonly GraphNode[] }): Topology {
  const assigned = assignNodes(ends);
  const subtopologies = [...assigned.members].map(([name, nodes]) => subtopology(name, nodes));
  const globalTables = [...new Set(subtopologies.flatMap((sub) => sub.processors.flatMap((node) => Object.values(node.tables))))];
  const topics = new Map<string, TopicSpec>();
  for (const sub of subtopologies) {
    for (const input of sub.inputs) if (input.kind === 'source') topics.set(input.topic.name, input.topic);
    for (const output of sub.outputs) if (output.kind === 'sink') for (const topic of output.topics) topics.set(topic.name, topic);
  }
  for (const table of globalTables) topics.set(table.topic.name, table.topic);
  const made: Topology = Object.freeze({
    subtopologies: Object.freeze(subtopologies),
    globalTables: Object.freeze(globalTables as GlobalTableNode<unknown, unknown>[]),
    topics: Object.freeze([...topics.values()]),
  });
  const faults = [...assigned.faults, ...findFaults(made)];
  if (faults.length > 0) {
    throw new GavelError('TOPOLOGY_INVALID', `the topology has ${faults.length} fault(s):\n- ${faults.join('\n- ')}`, {
      hint: 'mend each of them; nothing was started',
    });
  }
  return made;
}

/** Name of the internal topic of a repartition. */
export function repartitionTopicName(applicationId: string, name: string): string {
  return `${applicationId}-${name}-repartition`;
}

/** Name of the changelog of a sub-topology. */
export function changelogTopicName(applicationId: string, name: string): string {
  return `${applicationId}-${name}-changelog`;
}

interface Assigned {
  readonly members: ReadonlyMap<string, ReadonlySet<GraphNode>>;
  readonly faults: readonly string[];
}

function assignNodes(ends: { readonly [subtopology: string]: readonly GraphNode[] }): Assigned {
  const members = new Map<string, Set<GraphNode>>();
  const owner = new Map<GraphNode, string>();
  const faults: string[] = [];
  const crossings: RepartitionNode<unknown, unknown>[] = [];

  const visit = (node: GraphNode, name: string): void => {
    const known = owner.get(node);
    if (known === name) return;
    if (known !== undefined) {
      faults.push(`node "${node.name}" belongs to two sub-topologies, "${known}" and "${name}": give their ends under one name`);
      return;
    }
    owner.set(node, name);
    let set = members.get(name);
    if (set === undefined) members.set(name, (set = new Set()));
    set.add(node);
    if (node.kind === 'source') return;
    for (const edge of node.from) {
      if (edge.node.kind === 'repartition') {
        inputs(name).add(edge.node);
        crossings.push(edge.node);
      } else visit(edge.node, name);
    }
  };
  const inputs = (name: string): Set<GraphNode> => {
    let set = members.get(name);
    if (set === undefined) members.set(name, (set = new Set()));
    return set;
  };

  for (const [name, nodes] of Object.entries(ends)) for (const node of nodes) visit(node, name);
  for (const node of crossings) if (!owner.has(node)) visit(node, node.name);
  return { members, faults };
}

function subtopology(name: string, nodes: ReadonlySet<GraphNode>): Subtopology {
  const inputs: InputNode[] = [];
  const outputs: OutputNode[] = [];
  const processors: ProcessorNode[] = [];
  const stores = new Map<string, StoreSpec<unknown, unknown>>();
  const done = new Set<GraphNode>();
  const behind = (node: GraphNode): void => {
    if (done.has(node)) return;
    done.add(node);
    if (node.kind === 'processor' || node.kind === 'sink') {
      for (const edge of node.from) if (nodes.has(edge.node)) behind(edge.node);
    }
    if (node.kind === 'processor') processors.push(node);
  };
  for (const node of nodes) {
    behind(node);
    if (node.kind === 'source') inputs.push(node);
    else if (node.kind === 'sink') outputs.push(node);
    else if (node.kind === 'repartition') {
      const written = node.from.some((edge) => nodes.has(edge.node));
      const read = [...nodes].some((other) => other.kind !== 'source' && other !== node && other.from.some((edge) => edge.node === node));
      if (written) outputs.push(node);
      if (read) inputs.push(node);
    }
  }
  for (const node of processors) for (const store of Object.values(node.stores)) stores.set(store.name, store as StoreSpec<unknown, unknown>);
  return Object.freeze({ name, inputs, processors, outputs, stores });
}
