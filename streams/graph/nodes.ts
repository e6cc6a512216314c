/** The nodes of a topology: plain immutable values that refer to the nodes they read from. */

import type { Serde } from '../serde.ts';
import type { Topic } from '../topic.ts';
import type { StreamRecord } from '../record.ts';
import type { GlobalTables, Ports, Processor, ProcessorContext, StoreSpecs } from '../processor.ts';

/** One output of a node; `types` exists for the compiler only. */
export interface Edge<K, V> {
  readonly node: SourceNode<unknown, unknown> | ProcessorNode | RepartitionNode<unknown, unknown>;
  readonly port: string;
  readonly types?: readonly [K, V];
}

/** The single port of sources and repartitions. */
export const OUT = 'out';

export interface SourceOptions<K, V> {
  readonly name: string;
  readonly topic: Topic<K, V>;
  /** Where to begin without a committed offset. Default `earliest`. */
  readonly reset?: 'earliest' | 'latest';
  /** The engine may append clock records to the topic so that wakes come when input stops. Default false. */
  readonly clock?: boolean;
  /** Record time from the record; default the batch's timestamp. A negative or non-finite answer is a deserialization failure. */
  readonly timestamp?: (record: StreamRecord<K, V>) => number;
}

export interface SourceNode<K, V> {
  readonly kind: 'source';
  readonly name: string;
  readonly topic: Topic<K, V>;
  readonly reset: 'earliest' | 'latest';
  readonly clock: boolean;
  readonly timestamp: ((record: StreamRecord<unknown, unknown>) => number) | undefined;
  readonly out: Edge<K, V>;
}

/** Reads a topic. Null keys and null values arrive as null. */
export function source<K, V>(options: SourceOptions<K, V>): SourceNode<K, V> {
  const { name, topic, reset = 'earliest', clock = false } = options;
  const timestamp = options.timestamp as SourceNode<K, V>['timestamp'];
  const node = {
    kind: 'source' as const,
    name,
    topic,
    reset,
    clock,
    timestamp,
    out: undefined as unknown as Edge<K, V>,
  };
  node.out = Object.freeze({ node, port: OUT });
  return Object.freeze(node);
}

/** A method's type, so that a store of any types is a `StoreSpec<unknown, unknown>`. */
export type IndexOrder<K, V> = { order(key: K, value: V): number | undefined }['order'];

export interface StoreOptions<K, V> {
  /** Unique in the topology; part of every key on disk and in the changelog. */
  readonly name: string;
  readonly key: Serde<K>;
  readonly value: Serde<V>;
  /** Local indexes: the order of an entry, or undefined where it is not in the index. Computed from the value, not logged. */
  readonly indexes?: { readonly [index: string]: IndexOrder<K, V> };
  /** Decoded values kept in memory. Default 10,000. */
  readonly cacheEntries?: number;
  /** Written to the changelog. Default true; a store that is not logged starts empty after a move. */
  readonly logged?: boolean;
}

export interface StoreSpec<K, V> extends Required<StoreOptions<K, V>> {
  readonly kind: 'key-value';
}

/** Declares a store of every task of the sub-topology that uses it. */
export function keyValueStore<K, V>(options: StoreOptions<K, V>): StoreSpec<K, V> {
  return Object.freeze({ kind: 'key-value', indexes: {}, cacheEntries: 10_000, logged: true, ...options } as const);
}

export interface ProcessorOptions<K, V, P extends Ports, S extends StoreSpecs, G extends GlobalTables> {
  readonly name: string;
  readonly from: readonly Edge<K, V>[];
  /** Names and types of the output ports, made with `port<K, V>()`. */
  readonly ports: { readonly [N in keyof P]: Port<P[N]> };
  readonly stores?: S;
  readonly tables?: G;
  /** Called once per task; the processor lives as long as the task. */
  readonly create: (context: ProcessorContext<P, S, G>) => Processor<K, V>;
}

export interface Port<KeyValue extends readonly [unknown, unknown]> {
  readonly types?: KeyValue;
}

/** Declares the types of an output port. */
export function port<K, V>(): Port<readonly [K, V]> {
  return {};
}

export interface ProcessorNode<P extends Ports = Ports> {
  readonly kind: 'processor';
  readonly name: string;
  readonly from: readonly Edge<unknown, unknown>[];
  readonly ports: readonly string[];
  readonly stores: StoreSpecs;
  readonly tables: GlobalTables;
  readonly create: (context: ProcessorContext<Ports, StoreSpecs, GlobalTables>) => Processor<unknown, unknown>;
  readonly out: { readonly [N in keyof P]: Edge<P[N][0], P[N][1]> };
}

/** A step of the author's own. */
export function processor<
  K,
  V,
  P extends Ports,
  S extends StoreSpecs = { readonly [alias: string]: never },
  G extends GlobalTables = { readonly [alias: string]: never },
>(options: ProcessorOptions<K, V, P, S, G>): ProcessorNode<P> {
  const out: { [port: string]: Edge<unknown, unknown> } = {};
  const node = {
    kind: 'processor' as const,
    name: options.name,
    from: options.from,
    ports: Object.keys(options.ports),
    stores: options.stores ?? {},
    tables: options.tables ?? {},
    create: options.create as unknown as ProcessorNode['create'],
    out,
  } as unknown as ProcessorNode<P>;
  for (const name of node.ports) out[name] = Object.freeze({ node: node, port: name });
  Object.freeze(out);
  return Object.freeze(node);
}

/** Chooses the partition of a record; default `(murmur2(key bytes) & 0x7fffffff) % partitions`. */
export type Partitioner<K, V> = (key: K, value: V, partitions: number) => number;

export interface SinkOptions<K, V> {
  readonly name: string;
  readonly from: readonly Edge<K, V>[];
  /** The topic, or all topics that `route` may answer. */
  readonly topic: Topic<K, V> | readonly Topic<K, V>[];
  /** Chooses among the topics; needed where there are several. */
  readonly route?: (key: K, value: V) => Topic<K, V>;
  readonly partitioner?: Partitioner<K, V>;
  /** Declares that this topology also reads the topic: the one way to make a loop. A shadow writes nothing here. Default false. */
  readonly feedback?: boolean;
}

export interface SinkNode {
  readonly kind: 'sink';
  readonly name: string;
  readonly from: readonly Edge<unknown, unknown>[];
  readonly topics: readonly Topic<unknown, unknown>[];
  readonly route: ((key: unknown, value: unknown) => Topic<unknown, unknown>) | undefined;
  readonly partitioner: Partitioner<unknown, unknown> | undefined;
  readonly feedback: boolean;
}

/** Writes records to a topic. A null value is a tombstone. */
export function sink<K, V>(options: SinkOptions<K, V>): SinkNode {
  const topics = (Array.isArray(options.topic) ? options.topic : [options.topic]) as readonly Topic<unknown, unknown>[];
  return Object.freeze({
    kind: 'sink',
    name: options.name,
    from: options.from,
    topics,
    route: options.route as SinkNode['route'],
    partitioner: options.partitioner as SinkNode['partitioner'],
    feedback: options.feedback ?? false,
  });
}

export interface RepartitionOptions<K, V> {
  /** The topic is `<application>-<name>-repartition`. */
  readonly name: string;
  readonly from: readonly Edge<K, V>[];
  readonly key: Serde<K>;
  readonly value: Serde<V>;
  /** Default: as many as the sources before it have. */
  readonly partitions?: number;
  readonly partitioner?: Partitioner<K, V>;
}

export interface RepartitionNode<K, V> {
  readonly kind: 'repartition';
  readonly name: string;
  readonly from: readonly Edge<unknown, unknown>[];
  readonly key: Serde<K>;
  readonly value: Serde<V>;
  readonly partitions: number | undefined;
  readonly partitioner: Partitioner<unknown, unknown> | undefined;
  readonly out: Edge<K, V>;
}

/** Sends records through an internal topic, so that they are partitioned by their new key; the steps behind it are another sub-topology. */
export function repartition<K, V>(options: RepartitionOptions<K, V>): RepartitionNode<K, V> {
  const node = {
    kind: 'repartition' as const,
    name: options.name,
    from: options.from,
    key: options.key,
    value: options.value,
    partitions: options.partitions,
    partitioner: options.partitioner as Partitioner<unknown, unknown> | undefined,
    out: undefined as unknown as Edge<K, V>,
  };
  node.out = Object.freeze({ node, port: OUT });
  return Object.freeze(node);
}

/** All partitions of a topic as a table on every instance. For display and look-ups only: it decides nothing, for its time is its own. */
export interface GlobalTableNode<K, V> {
  readonly kind: 'global-table';
  readonly name: string;
  readonly topic: Topic<K, V>;
  readonly types?: readonly [K, V];
}

export function globalTable<K, V>(options: {
  readonly name: string;
  readonly topic: Topic<K, V>;
}): GlobalTableNode<K, V> {
  return Object.freeze({ kind: 'global-table', ...options });
}

export type GraphNode = SourceNode<unknown, unknown> | ProcessorNode | SinkNode | RepartitionNode<unknown, unknown>;
