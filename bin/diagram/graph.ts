/** What `describe` says of a topology as a drawing: topics, steps and stores, with arrows; sources and sinks are only arrows. */

interface Edge {
  readonly node: string;
  readonly port: string;
}

/** The part of `describe(topology, 'json')` that is drawn. */
export interface Description {
  readonly subtopologies: readonly {
    readonly name: string;
    readonly inputs: readonly { readonly name: string; readonly topic: string }[];
    readonly processors: readonly {
      readonly name: string;
      readonly from: readonly Edge[];
      readonly stores: readonly string[];
      readonly globalTables: readonly string[];
    }[];
    readonly outputs: readonly {
      readonly from: readonly Edge[];
      readonly topics: readonly string[];
      readonly feedback: boolean;
    }[];
  }[];
  readonly globalTables: readonly { readonly name: string; readonly topic: string }[];
}

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
  const draw = (arrow: DrawnArrow): void => {
    arrows.set(`${arrow.from} ${arrow.to}`, arrow);
  };
  const topicOfInput = new Map(
    subtopologies.flatMap((sub) => sub.inputs.map((input) => [input.name, input.topic] as const)),
  );
  const step = (name: string): string => `step:${name}`;
  const connect = (from: readonly Edge[], to: string, feedback: boolean): void => {
    for (const { node } of from) {
      const source = topicOfInput.get(node);
      draw({ from: source === undefined ? step(node) : topic(source), to, feedback });
    }
  };
  for (const sub of subtopologies) {
    for (const { name, from, stores, globalTables: tables } of sub.processors) {
      const id = put({ id: step(name), label: name, kind: 'step', subtopology: sub.name });
      connect(from, id, false);
      for (const store of stores) {
        const storeId = put({ id: `store:${store}`, label: store, kind: 'store', subtopology: sub.name });
        draw({ from: id, to: storeId, feedback: false });
      }
      for (const table of globalTables.filter((candidate) => tables.includes(candidate.name))) {
        draw({ from: topic(table.topic), to: id, feedback: false });
      }
    }
    for (const { from, topics, feedback } of sub.outputs) {
      for (const name of topics) connect(from, topic(name), feedback);
    }
  }
  return { nodes: [...nodes.values()], arrows: [...arrows.values()] };
}
