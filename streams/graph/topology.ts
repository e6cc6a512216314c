/** A topology: one immutable value of nodes cut into sub-topologies, checked as a whole before anything starts. */

import { GavelError } from '../errors.ts';
import type { TopicSpec } from '../topic.ts';
import type {
  GlobalTableNode,
  GraphNode,
  ProcessorNode,
  RepartitionNode,
  SinkNode,
  SourceNode,
  StoreSpec,
} from './nodes.ts';
import { findFaults } from './faults.ts';

/** What ends a sub-topology: nodes, or something that stands for nodes, like a stream or a table of the DSL. */
export interface GraphEnd {
  readonly nodes: readonly GraphNode[];
}

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
  /** Set on a shadow (`shadowOf`): the end of its topics' names. */
  readonly shadow: string | undefined;
}

/**
 * Makes a topology of named sub-topologies, each given by its last nodes; what they read from is found by itself.
 * What stands before a `repartition` is a sub-topology of its own, named like the repartition unless an entry claims it.
 *
 * @throws GavelError `TOPOLOGY_INVALID` with every fault at once
 */
export function topology(ends: { readonly [subtopology: string]: readonly (GraphNode | GraphEnd)[] }): Topology {
  const assigned = assignNodes(ends);
  const subtopologies = [...assigned.members].map(([name, nodes]) => subtopology(name, nodes));
  const globalTables = [
    ...new Set(subtopologies.flatMap((sub) => sub.processors.flatMap((node) => Object.values(node.tables)))),
  ];
  const topics = new Map<string, TopicSpec>();
  for (const sub of subtopologies) {
    for (const input of sub.inputs) if (input.kind === 'source') topics.set(input.topic.name, input.topic);
    for (const output of sub.outputs)
      if (output.kind === 'sink') for (const topic of output.topics) topics.set(topic.name, topic);
  }
  for (const table of globalTables) topics.set(table.topic.name, table.topic);
  const made: Topology = Object.freeze({
    subtopologies: Object.freeze(subtopologies),
    globalTables: Object.freeze(globalTables),
    topics: Object.freeze([...topics.values()]),
    shadow: undefined,
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

function assignNodes(ends: { readonly [subtopology: string]: readonly (GraphNode | GraphEnd)[] }): Assigned {
  const members = new Map<string, Set<GraphNode>>(Object.keys(ends).map((name) => [name, new Set()]));
  const owner = new Map<GraphNode, string>();
  const faults: string[] = [];
  const crossings = new Set<RepartitionNode<unknown, unknown>>();

  const add = (node: GraphNode, name: string): void => {
    let set = members.get(name);
    if (set === undefined) members.set(name, (set = new Set()));
    set.add(node);
  };
  const visit = (node: GraphNode, name: string): void => {
    const known = owner.get(node);
    if (known === name) return;
    if (known !== undefined) {
      faults.push(
        `node "${node.name}" belongs to two sub-topologies, "${known}" and "${name}": give their ends under one name`,
      );
      return;
    }
    owner.set(node, name);
    add(node, name);
    if (node.kind === 'source') return;
    for (const edge of node.from) {
      if (edge?.node === undefined) continue; // a fault of its own
      if (edge.node.kind === 'repartition') {
        add(edge.node, name);
        crossings.add(edge.node);
      } else visit(edge.node, name);
    }
  };

  for (const [name, given] of Object.entries(ends)) {
    if (given.length === 0) faults.push(`sub-topology "${name}" has no ends`);
    for (const end of given) {
      if (end === undefined) faults.push(`sub-topology "${name}" has an end that is undefined`);
      else for (const node of 'nodes' in end ? end.nodes : [end]) visit(node, name);
    }
  }
  for (const node of crossings) {
    if (owner.has(node)) continue;
    if (members.has(node.name)) {
      faults.push(
        `what stands before repartition "${node.name}" would be a sub-topology of that name, which there is already: rename either, or claim the repartition as an end`,
      );
    } else visit(node, node.name);
  }
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
      for (const edge of node.from) if (edge?.node !== undefined && nodes.has(edge.node)) behind(edge.node);
    }
    if (node.kind === 'processor') processors.push(node);
  };
  for (const node of nodes) {
    behind(node);
    if (node.kind === 'source') inputs.push(node);
    else if (node.kind === 'sink') outputs.push(node);
    else if (node.kind === 'repartition') {
      const written = node.from.some((edge) => nodes.has(edge?.node));
      const read = [...nodes].some(
        (other) => other.kind !== 'source' && other !== node && other.from.some((edge) => edge?.node === node),
      );
      if (written) outputs.push(node);
      if (read) inputs.push(node);
    }
  }
  for (const node of processors) for (const store of Object.values(node.stores)) stores.set(store.name, store);
  return Object.freeze({ name, inputs, processors, outputs, stores });
}
