/** Finds what is wrong with a topology; every fault in one list, as sentences that name the nodes. */

import { TOPIC_CONFIG_DEFAULTS } from '../topic.ts';
import type { TopicConfig, TopicSpec } from '../topic.ts';
import type { GlobalTableNode, GraphNode, StoreSpec } from './nodes.ts';
import type { Subtopology, Topology } from './topology.ts';

const SETTINGS = Object.keys(TOPIC_CONFIG_DEFAULTS) as readonly (keyof TopicConfig)[];

/** Names end up in topics, directories and metrics. */
const NAME = /^[A-Za-z0-9][A-Za-z0-9._-]{0,99}$/;

export function findFaults(topology: Topology): string[] {
  if (topology.subtopologies.length === 0) return ['it has no sub-topology'];
  return [
    ...names(topology),
    ...sources(topology),
    ...topics(topology),
    ...repartitions(topology),
    ...loops(topology),
    ...topology.subtopologies.flatMap((sub) => [...shape(sub), ...copartitioning(sub), ...clocks(sub)]),
  ];
}

function names(topology: Topology): string[] {
  const faults: string[] = [];
  const nodes = new Map<string, GraphNode>();
  const stores = new Map<string, { readonly spec: StoreSpec<unknown, unknown>; readonly sub: string }>();
  for (const sub of topology.subtopologies) {
    if (!NAME.test(sub.name))
      faults.push(`sub-topology name "${sub.name}" has characters other than letters, digits, ".", "_" and "-"`);
    for (const node of [...sub.inputs, ...sub.processors, ...sub.outputs]) {
      const other = nodes.get(node.name);
      if (!NAME.test(node.name))
        faults.push(`node name "${node.name}" has characters other than letters, digits, ".", "_" and "-"`);
      else if (other !== undefined && other !== node) faults.push(`two nodes are named "${node.name}"`);
      nodes.set(node.name, node);
    }
    for (const node of sub.processors) {
      for (const spec of Object.values(node.stores)) {
        const other = stores.get(spec.name);
        if (!NAME.test(spec.name))
          faults.push(`store name "${spec.name}" has characters other than letters, digits, ".", "_" and "-"`);
        else if (other !== undefined && other.spec !== spec) faults.push(`two stores are named "${spec.name}"`);
        else if (other !== undefined && other.sub !== sub.name) {
          faults.push(`store "${spec.name}" is used by two sub-topologies, "${other.sub}" and "${sub.name}"`);
        }
        stores.set(spec.name, { spec: spec, sub: sub.name });
      }
    }
  }
  return faults;
}

/** The offsets of a group are one per partition, so one source reads a topic and the others read from its output. */
function sources(topology: Topology): string[] {
  const faults: string[] = [];
  const readers = new Map<string, string>();
  for (const input of topology.subtopologies.flatMap((sub) => sub.inputs)) {
    if (input.kind !== 'source') continue;
    const other = readers.get(input.topic.name);
    if (other !== undefined)
      faults.push(`sources "${other}" and "${input.name}" read the same topic "${input.topic.name}": share one source`);
    readers.set(input.topic.name, input.name);
  }
  return faults;
}

/** A topic is created once, so it can be declared one way only. */
function topics(topology: Topology): string[] {
  const faults: string[] = [];
  const declared = new Map<string, string>();
  const tables = new Map<string, GlobalTableNode<unknown, unknown>>();
  const uses: TopicSpec[] = [];
  for (const sub of topology.subtopologies) {
    for (const input of sub.inputs) if (input.kind === 'source') uses.push(input.topic);
    for (const output of sub.outputs) if (output.kind === 'sink') uses.push(...output.topics);
  }
  for (const table of topology.globalTables) {
    uses.push(table.topic);
    if (!NAME.test(table.name))
      faults.push(`global table name "${table.name}" has characters other than letters, digits, ".", "_" and "-"`);
    else if (tables.has(table.name)) faults.push(`two global tables are named "${table.name}"`);
    tables.set(table.name, table);
  }
  for (const { name, partitions, config } of uses) {
    const settings = JSON.stringify([partitions, ...SETTINGS.map((setting) => config[setting])]);
    const other = declared.get(name);
    if (other === undefined) declared.set(name, settings);
    else if (other !== settings)
      faults.push(`topic "${name}" is declared twice, with different partitions or settings`);
  }
  return faults;
}

function repartitions(topology: Topology): string[] {
  const faults: string[] = [];
  const read = new Map<GraphNode, string>();
  for (const sub of topology.subtopologies)
    for (const input of sub.inputs) if (input.kind === 'repartition') read.set(input, sub.name);
  for (const sub of topology.subtopologies) {
    for (const node of sub.outputs) {
      if (node.kind !== 'repartition') continue;
      const reader = read.get(node);
      if (reader === undefined) faults.push(`nothing reads repartition "${node.name}"`);
      if (reader === sub.name) {
        faults.push(
          `repartition "${node.name}" is written and read by sub-topology "${reader}": give what stands before it a name of its own`,
        );
      }
    }
  }
  return faults;
}

function shape(sub: Subtopology): string[] {
  const faults: string[] = [];
  const own = new Set<GraphNode>([...sub.inputs, ...sub.processors, ...sub.outputs]);
  const isolated = [...own].every((node) => node.kind === 'source' || node.from.every((edge) => own.has(edge?.node)));
  if (own.size > 0 && sub.inputs.length === 0 && isolated) faults.push(`sub-topology "${sub.name}" has no source`);
  for (const node of [...sub.processors, ...sub.outputs]) {
    if (node.from.length === 0) faults.push(`node "${node.name}" reads from nothing`);
    for (const edge of node.from) {
      if (edge?.node === undefined) faults.push(`node "${node.name}" reads from something that is no output of a node`);
      else if (edge.node.kind === 'processor' && !edge.node.ports.includes(edge.port)) {
        faults.push(`node "${node.name}" reads port "${edge.port}", which "${edge.node.name}" does not have`);
      }
    }
    if (node.kind !== 'sink') continue;
    if (node.topics.length === 0) faults.push(`sink "${node.name}" has no topic`);
    if (node.topics.length > 1 && node.route === undefined)
      faults.push(`sink "${node.name}" has several topics and no route`);
  }
  return faults;
}

function copartitioning(sub: Subtopology): string[] {
  const read = sub.inputs.filter((input) => input.kind === 'source');
  const counts = new Set(read.map((input) => input.topic.partitions));
  const list = read.map(({ topic }) => `"${topic.name}" (${topic.partitions})`);
  for (const input of sub.inputs) {
    if (input.kind !== 'repartition' || input.partitions === undefined) continue;
    counts.add(input.partitions);
    list.push(`repartition "${input.name}" (${input.partitions})`);
  }
  if (counts.size <= 1) return [];
  return [
    `sub-topology "${sub.name}" reads topics of different partition counts, so keys do not meet: ${list.join(', ')}`,
  ];
}

function clocks(sub: Subtopology): string[] {
  const faults: string[] = [];
  for (const input of sub.inputs) {
    if (input.kind !== 'source' || !input.clock) continue;
    if (input.topic.config.cleanup === 'compact') {
      faults.push(
        `source "${input.name}" has clock records, but topic "${input.topic.name}" is compacted and would lose them`,
      );
    }
    if (input.topic.config.timestampType !== 'append') {
      faults.push(
        `source "${input.name}" has clock records, but topic "${input.topic.name}" is not stamped by the log (timestampType "append")`,
      );
    }
  }
  return faults;
}

/** A topology that reads what it writes must say so, for it may feed itself for ever. */
function loops(topology: Topology): string[] {
  const read = new Set(
    topology.subtopologies.flatMap((sub) =>
      sub.inputs.flatMap((input) => (input.kind === 'source' ? [input.topic.name] : [])),
    ),
  );
  const faults: string[] = [];
  for (const sub of topology.subtopologies) {
    for (const node of sub.outputs) {
      if (node.kind !== 'sink') continue;
      for (const topic of node.topics) {
        if (read.has(topic.name) && !node.feedback) {
          faults.push(
            `sink "${node.name}" writes to "${topic.name}", which the topology reads: a cycle, unless the sink says "feedback: true"`,
          );
        }
      }
      if (node.feedback && !node.topics.some((topic) => read.has(topic.name))) {
        faults.push(`sink "${node.name}" says "feedback: true", but the topology reads none of its topics`);
      }
    }
  }
  return faults;
}
