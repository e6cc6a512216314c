/** A topology as plain data: what `gavel topology --json` prints, and what the pictures are drawn from. */

import type { Topology } from 'gavel/streams';

export interface DescribedInput {
  readonly name: string;
  readonly kind: 'source' | 'repartition';
  readonly topic: string;
  /** Whether the engine moves its time when no record comes. */
  readonly clock: boolean;
}

export interface DescribedProcessor {
  readonly name: string;
  /** `node.port` of what it reads from. */
  readonly from: readonly string[];
  readonly stores: readonly string[];
  readonly tables: readonly string[];
}

export interface DescribedOutput {
  readonly name: string;
  readonly kind: 'sink' | 'repartition';
  readonly from: readonly string[];
  readonly topics: readonly string[];
  /** Whether the topology reads what it writes here. */
  readonly feedback: boolean;
}

export interface DescribedSubtopology {
  readonly name: string;
  readonly inputs: readonly DescribedInput[];
  readonly processors: readonly DescribedProcessor[];
  readonly outputs: readonly DescribedOutput[];
  readonly stores: readonly string[];
}

export interface Description {
  readonly subtopologies: readonly DescribedSubtopology[];
  readonly globalTables: readonly { readonly name: string; readonly topic: string }[];
}

/** Internal topics of repartitions are called by the name of the repartition. */
export function describeTopology(topology: Topology): Description {
  return {
    subtopologies: topology.subtopologies.map((sub) => ({
      name: sub.name,
      inputs: sub.inputs.map((node) => ({
        name: node.name,
        kind: node.kind,
        topic: node.kind === 'source' ? node.topic.name : node.name,
        clock: node.kind === 'source' && node.clock,
      })),
      processors: sub.processors.map((node) => ({
        name: node.name,
        from: node.from.map(edgeName),
        stores: Object.values(node.stores).map((store) => store.name),
        tables: Object.values(node.tables).map((table) => table.name),
      })),
      outputs: sub.outputs.map((node) => ({
        name: node.name,
        kind: node.kind,
        from: node.from.map(edgeName),
        topics: node.kind === 'sink' ? node.topics.map((topic) => topic.name) : [node.name],
        feedback: node.kind === 'sink' && node.feedback,
      })),
      stores: [...sub.stores.keys()],
    })),
    globalTables: topology.globalTables.map((table) => ({ name: table.name, topic: table.topic.name })),
  };
}

function edgeName(edge: { readonly node: { readonly name: string }; readonly port: string }): string {
  return `${edge.node.name}.${edge.port}`;
}
