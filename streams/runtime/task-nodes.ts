/** Compiles the nodes of a sub-topology for one task: contexts, and for each output the functions that take its records. */

import { GavelError } from '../errors.ts';
import type { GraphNode, ProcessorNode, RepartitionNode } from '../graph/nodes.ts';
import { OUT } from '../graph/nodes.ts';
import { repartitionTopicName } from '../graph/topology.ts';
import type { InputNode, OutputNode } from '../graph/topology.ts';
import type {
  ForwardOptions,
  GlobalTables,
  Ports,
  Processor,
  ProcessorContext,
  Punctuation,
  StoreSpecs,
} from '../processor.ts';
import { NO_HEADERS } from '../record.ts';
import type { StreamRecord } from '../record.ts';
import type { Serde } from '../serde.ts';
import type { Labels } from './metrics.ts';
import type { Target } from './targets.ts';
import type { Task, TaskOptions } from './task.ts';

export type Receiver = (record: StreamRecord<unknown, unknown>) => void;

export interface TaskNodes {
  /** What takes the records of each input. */
  readonly sources: ReadonlyMap<InputNode, Receiver[]>;
  /** In topological order. */
  readonly processors: readonly { readonly name: string; readonly processor: Processor<unknown, unknown> }[];
  /** Calls the wake of a node. */
  wake(node: string, time: number, limit: number): number | undefined | Promise<number | undefined>;
}

export function compileNodes(task: Task, options: TaskOptions): TaskNodes {
  const { subtopology } = options;
  const receivers = new Map<GraphNode, Map<string, Receiver[]>>();
  const receiversOf = (node: GraphNode, port: string): Receiver[] => {
    let ports = receivers.get(node);
    if (ports === undefined) receivers.set(node, (ports = new Map()));
    let list = ports.get(port);
    if (list === undefined) ports.set(port, (list = []));
    return list;
  };

  const processors: { name: string; processor: Processor<unknown, unknown> }[] = [];
  for (const node of subtopology.processors) {
    const context = new NodeContext(task, node, new Map(node.ports.map((port) => [port, receiversOf(node, port)])));
    const processor = node.create(context as unknown as ProcessorContext<Ports, StoreSpecs, GlobalTables>);
    processors.push({ name: node.name, processor });
    const receive: Receiver = (record) => {
      const pending = processor.process(record);
      if (pending !== undefined) task.pending.add(pending);
    };
    for (const edge of node.from) receiversOf(edge.node, edge.port).push(receive);
  }
  for (const node of subtopology.outputs) {
    const receive = outputReceiver(task, node, options);
    for (const edge of node.from) receiversOf(edge.node, edge.port).push(receive);
  }
  const sources = new Map(subtopology.inputs.map((input) => [input, receiversOf(input as GraphNode, OUT)]));
  const byName = new Map(processors.map(({ name, processor }) => [name, processor]));
  return { sources, processors, wake: (node, time, limit) => byName.get(node)?.wake?.(time, limit) };
}

/** The context of one processor of one task. Its functions may be taken off it: `const { forward } = context`. */
class NodeContext {
  readonly subtopology: string;
  readonly partition: number;
  readonly stores: { readonly [alias: string]: unknown };
  readonly tables: { readonly [alias: string]: unknown };
  readonly #task: Task;
  readonly #node: ProcessorNode;
  readonly #ports: ReadonlyMap<string, Receiver[]>;

  constructor(task: Task, node: ProcessorNode, ports: ReadonlyMap<string, Receiver[]>) {
    const { options } = task;
    this.#task = task;
    this.#node = node;
    this.#ports = ports;
    this.subtopology = options.subtopology.name;
    this.partition = options.partition;
    this.stores = Object.fromEntries(
      Object.entries(node.stores).map(([alias, spec]) => [alias, options.state.stores.get(spec.name)]),
    );
    this.tables = Object.fromEntries(
      Object.entries(node.tables).map(([alias, table]) => [alias, options.tables.get(table.name)]),
    );
  }

  get streamTime(): number {
    return this.#task.streamTime;
  }

  get time(): number {
    return this.#task.time;
  }

  readonly forward = (port: string, key: unknown, value: unknown, options?: ForwardOptions): void => {
    const receivers = this.#ports.get(port);
    if (receivers === undefined) {
      throw new GavelError('PROCESSING_FAILED', `processor "${this.#node.name}" has no port "${port}"`, {
        hint: `its ports are: ${[...this.#ports.keys()].join(', ')}`,
      });
    }
    if (receivers.length === 0) return;
    const input = this.#task.current;
    const record: StreamRecord<unknown, unknown> = {
      key,
      value,
      timestamp: options?.timestamp ?? this.#task.time,
      headers: options?.headers ?? NO_HEADERS,
      topic: input === undefined ? '' : input.topic,
      partition: this.partition,
      offset: input === undefined ? -1 : input.reader.offset,
    };
    for (let i = 0; i < receivers.length; i++) (receivers[i] as Receiver)(record);
  };

  readonly wakeAt = (time: number): void => {
    this.#task.wakeAt(this.#node.name, time);
  };

  readonly schedule = (punctuation: Punctuation): { cancel(): void } => {
    return this.#task.punctuations.schedule(punctuation, this.#task.options.clock.now());
  };

  readonly deadLetter = (reason: string, message: string): void => {
    this.#task.deadLetter('application', reason, message);
  };

  readonly count = (name: string, labels?: Labels, by?: number): void => {
    this.#task.options.metrics.count(name, labels, by);
  };

  readonly observe = (name: string, value: number, labels?: Labels): void => {
    this.#task.options.metrics.observe(name, value, labels);
  };
}

interface Output {
  readonly target: Target;
  readonly key: Serde<unknown>;
  readonly value: Serde<unknown>;
}

function outputReceiver(task: Task, node: OutputNode, options: TaskOptions): Receiver {
  const choose = outputChooser(node, options);
  const { partitioner } = node;
  const { keyMemo } = task;
  return (record) => {
    const { key, value } = record;
    try {
      const output = choose(key, value);
      const { partitions } = output.target;
      const keyBytes = key === null ? null : keyMemo.bytesOf(key, output.key);
      let partition = options.partition % partitions;
      if (partitioner !== undefined) partition = partitioner(key, value, partitions);
      else if (keyBytes !== null) partition = keyMemo.partition(partitions);
      options.outputs.append(output, partition, keyBytes, record);
    } catch (cause) {
      const text = cause instanceof Error ? cause.message : String(cause);
      throw new GavelError('PRODUCTION_FAILED', `"${node.name}" cannot write a record: ${text}`, { cause });
    }
  };
}

function outputChooser(node: OutputNode, options: TaskOptions): (key: unknown, value: unknown) => Output {
  if (node.kind === 'repartition') {
    const output = repartitionOutput(node, options);
    return () => output;
  }
  const outputs = new Map(
    node.topics.map((topic) => [
      topic,
      { target: options.targets.get(topic.name), key: topic.key, value: topic.value },
    ]),
  );
  const only = outputs.get(node.topics[0] as (typeof node.topics)[number]) as Output;
  const { route } = node;
  if (route === undefined) return () => only;
  return (key, value) => {
    const topic = route(key, value);
    const output = outputs.get(topic);
    if (output === undefined) {
      throw new GavelError(
        'PRODUCTION_FAILED',
        `the route of sink "${node.name}" answered "${topic.name}", which it does not declare`,
      );
    }
    return output;
  };
}

function repartitionOutput(node: RepartitionNode<unknown, unknown>, options: TaskOptions): Output {
  return {
    target: options.targets.get(repartitionTopicName(options.applicationId, node.name)),
    key: node.key,
    value: node.value,
  };
}
