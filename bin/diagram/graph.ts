/** A description as a drawing: topics, steps and stores, with arrows; sources and sinks are only arrows. */

import type { Description } from './description.ts';

export interface DrawnNode {
  readonly id: string;
  readonly label: string;
  readonly kind: 'topic' | 'step' | 'store';
  /** Where it belongs; undefined for topics. */
  readonly subtopology: string | undefined;
}

export interface DrawnArrow {
  readonly from: string;
  readonly to: string;
  /** Port that the records leave through; empty at a topic. */
  readonly label: string;
  /** A way back: an output that is also an input. */
  readonly feedback: boolean;
}

export interface Drawing {
  readonly nodes: readonly DrawnNode[];
  readonly arrows: readonly DrawnArrow[];
}

export function drawingOf({ subtopologies, globalTables }: Description): Drawing {
  const nodes = new Map<string, DrawnNode>();
  const arrows = new Map<string, DrawnArrow>();
  const topic = (name: string): string =>
    put({ id: `topic:${name}`, label: name, kind: 'topic', subtopology: undefined });
  const put = (node: DrawnNode): string => {
    nodes.set(node.id, node);
    return node.id;
  };
  /** One arrow from a node to another, whatever goes along it. */
  const draw = (arrow: DrawnArrow): void => {
    const key = `${arrow.from} ${arrow.to}`;
    const known = arrows.get(key);
    arrows.set(key, known === undefined ? arrow : { ...known, label: `${known.label}, ${arrow.label}` });
  };
  const topicOfInput = new Map(
    subtopologies.flatMap((sub) => sub.inputs.map((input) => [input.name, input.topic] as const)),
  );
  const step = (name: string): string => `step:${name}`;
  const connect = (from: readonly string[], to: string, feedback: boolean): void => {
    for (const edge of from) {
      const dot = edge.lastIndexOf('.');
      const source = topicOfInput.get(edge.slice(0, dot));
      const label = source === undefined ? edge.slice(dot + 1) : '';
      draw({ from: source === undefined ? step(edge.slice(0, dot)) : topic(source), to, label, feedback });
    }
  };
  for (const sub of subtopologies) {
    for (const { name, from, stores, tables } of sub.processors) {
      const id = put({ id: step(name), label: name, kind: 'step', subtopology: sub.name });
      connect(from, id, false);
      for (const store of stores) {
        const storeId = put({ id: `store:${store}`, label: store, kind: 'store', subtopology: sub.name });
        draw({ from: id, to: storeId, label: '', feedback: false });
      }
      for (const table of globalTables.filter((candidate) => tables.includes(candidate.name))) {
        draw({ from: topic(table.topic), to: id, label: table.name, feedback: false });
      }
    }
    for (const { from, topics, feedback } of sub.outputs) {
      for (const name of topics) connect(from, topic(name), feedback);
    }
  }
  return { nodes: [...nodes.values()], arrows: [...arrows.values()] };
}
