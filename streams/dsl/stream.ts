/**
 * The DSL: streams and tables as small immutable wrappers over the edges of a topology. Each operator makes one node and
 * answers a wrapper of its output; nothing is remembered elsewhere. The classes stand in one file, for each makes the others.
 */

import { GavelError } from '../errors.ts';
import { port, processor, source } from '../graph/nodes.ts';
import type { Edge, GraphNode, SinkNode, SourceOptions } from '../graph/nodes.ts';
import type { GraphEnd } from '../graph/topology.ts';
import { filtering } from '../operators/filter.ts';
import { flatMapping } from '../operators/flat-map.ts';
import { aggregateFold, countFold, reduceFold } from '../operators/fold.ts';
import { groupingBy } from '../operators/group-key.ts';
import { mapping, mappingValues, selectingKey } from '../operators/map.ts';
import type { NonNull } from '../operators/materialize.ts';
import type { NoStores, Operator } from '../operators/operator.ts';
import { peeking } from '../operators/peek.ts';
import { splitting } from '../operators/split.ts';
import { timeWindows } from '../operators/time-windows.ts';
import type { TimeWindowsOptions } from '../operators/time-windows.ts';
import type { Windowed } from '../operators/windowed.ts';
import type { GlobalTables, NoTables, Ports, StoreSpecs } from '../processor.ts';
import { integerSerde } from '../serde.ts';
import type { Serde } from '../serde.ts';
import type { Topic } from '../topic.ts';
import {
  aggregateNode,
  globalJoinNode,
  materializedNode,
  repartitionEdge,
  sinkNode,
  stepNode,
  tableJoinNode,
  windowAggregateNode,
} from './nodes.ts';
import type { AggregateInput, From, TableNode } from './nodes.ts';
import type * as o from './options.ts';

/** Whether records of one key are sure to meet in one task. */
export type Keying = 'by key' | 'needs repartition()';

/** Reads a topic. */
export function stream<K, V>(options: SourceOptions<K, V>): Stream<K, V> {
  return new Stream([source(options).out], 'by key');
}

/** The outputs of nodes made by hand, as a stream. */
export function asStream<K, V>(options: { readonly from: From<K, V> }): Stream<K, V, 'needs repartition()'> {
  return new Stream(options.from, 'needs repartition()');
}

export interface TableSourceOptions<K, V> extends o.TableOptions, Pick<SourceOptions<K, V>, 'timestamp'> {
  readonly topic: Topic<K, V>;
}

/** Reads a topic as a table: the latest value of each key; null deletes. The source is named `<name>-source`. */
export function table<K, V>(options: TableSourceOptions<K, V>): Table<K, NonNull<V> | null> {
  const { name, topic, timestamp } = options;
  const from = [source({ name: `${name}-source`, topic, ...(timestamp && { timestamp }) }).out];
  const { key, value } = topic;
  return new Table(materializedNode({ ...options, from, key, value: value as Serde<NonNull<V>> }));
}

/** Records on their way, of key `K` and value `V`. */
export class Stream<K, V, S extends Keying = 'by key'> implements GraphEnd {
  readonly from: From<K, V>;
  readonly keying: S;
  /** The nodes that it comes from: what to give to `topology` where the stream ends here. */
  readonly nodes: readonly GraphNode[];

  constructor(from: From<K, V>, keying: S) {
    this.from = from;
    this.keying = keying;
    this.nodes = from.map((edge) => edge.node);
    Object.freeze(this);
  }

  /** Lets through what `where` accepts. */
  filter(options: o.FilterOptions<K, V>): Stream<K, V, S> {
    return this.#then(options.name, filtering(options.where), this.keying);
  }

  /** Another key and another value. */
  map<K2, V2>(options: o.MapOptions<K, V, K2, V2>): Stream<K2, V2, 'needs repartition()'> {
    return this.#then(options.name, mapping(options.by, options.to), 'needs repartition()');
  }

  /** Another value. */
  mapValues<V2>(options: o.MapValuesOptions<K, V, V2>): Stream<K, V2, S> {
    return this.#then(options.name, mappingValues(options.to), this.keying);
  }

  /** Any number of records for each. */
  flatMap<K2, V2>(options: o.FlatMapOptions<K, V, K2, V2>): Stream<K2, V2, 'needs repartition()'> {
    return this.#then(options.name, flatMapping(options.to), 'needs repartition()');
  }

  /** Another key. */
  selectKey<K2>(options: o.SelectKeyOptions<K, V, K2>): Stream<K2, V, 'needs repartition()'> {
    return this.#then(options.name, selectingKey(options.by), 'needs repartition()');
  }

  /** Shows each record to a function. */
  peek(options: o.PeekOptions<K, V>): Stream<K, V, S> {
    return this.#then(options.name, peeking(options.run), this.keying);
  }

  /** One stream per branch; a record goes to the first that accepts it, or nowhere. */
  split<B extends string>(options: o.SplitOptions<K, V, B>): { readonly [N in B]: Stream<K, V, S> } {
    const { name, branches } = options;
    const ports = mapEntries(branches, () => port<K, V>());
    const node = processor({ name, from: this.from, ports, create: splitting<K, V>(branches) });
    return mapEntries(branches, (branch) => new Stream([node.out[branch] as Edge<K, V>], this.keying));
  }

  /** All records of these streams as they come, in no order between them. Makes no node. */
  merge<S2 extends Keying>(options: o.MergeOptions<K, V, S2>): Stream<K, V, S | S2> {
    const all: readonly Stream<K, V, Keying>[] = [this, ...options.with];
    const keying = all.some((each) => each.keying !== 'by key') ? 'needs repartition()' : 'by key';
    return new Stream(
      all.flatMap((each) => each.from),
      keying as S | S2,
    );
  }

  /** A step of one's own: each of its ports is a stream. */
  process<P extends Ports, T extends StoreSpecs = NoStores, G extends GlobalTables = NoTables>(
    options: o.ProcessOptions<K, V, P, T, G>,
  ): Processed<P> {
    const node = processor<K, V, P, T, G>({ ...options, from: this.from });
    const out = mapEntries(node.out, (_, edge) => new Stream([edge], 'needs repartition()'));
    return Object.freeze({ out: out as Processed<P>['out'], nodes: [node] });
  }

  /** Writes to a topic: an end of the topology. A null value is a tombstone. Windowed keys go by their inner key (semantics 25). */
  to(options: o.ToOptions<K, V>): SinkNode {
    return sinkNode({ ...options, from: this.from });
  }

  /** Sends the records through an internal topic, so that those of one key meet. */
  repartition(options: o.RepartitionByKeyOptions<K, V>): Stream<K, V> {
    return new Stream([repartitionEdge({ ...options, from: this.from })], 'by key');
  }

  /** The author's word that records of one key do meet, although an operator before this may have changed keys. */
  markAsPartitioned(): Stream<K, V> {
    return new Stream(this.from, 'by key');
  }

  /** The latest value of each key as a table; null deletes. */
  toTable(this: Stream<K, V>, options: o.ToTableOptions<K, V>): Table<K, NonNull<V> | null> {
    const from = edgesByKey(this, `toTable("${options.name}")`);
    return new Table(materializedNode({ ...options, from }));
  }

  /** Groups by the key as it is. */
  groupByKey(this: Stream<K, V>, options: o.GroupByKeyOptions<K>): Grouped<K, NonNull<V>> {
    const from = edgesByKey(this, 'groupByKey()');
    return new Grouped(from as From<K, NonNull<V>>, options.key);
  }

  /** Groups by another key, through the repartition of this name; the key is set by the step `<name>-key`. */
  groupBy<K2>(options: o.GroupByOptions<K, V, K2>): Grouped<K2, NonNull<V>> {
    const { name, by, key, value, ...partitions } = options;
    const rekeyed = [stepNode(`${name}-key`, this.from, groupingBy(by))];
    const edge = repartitionEdge({ ...partitions, name, from: rekeyed, key, value });
    return new Grouped<K2, NonNull<V>>([edge as Edge<K2, NonNull<V>>], key);
  }

  /** What a record and the row of its key make; a record without a row goes nowhere. */
  join<T, R>(this: Stream<K, V>, options: o.JoinOptions<K, V, T, R>): Stream<K, R> {
    return joined(this, options, false);
  }

  /** As `join`, but a record without a row (or without a key) gives a result too. */
  leftJoin<T, R>(this: Stream<K, V>, options: o.LeftJoinOptions<K, V, T, R>): Stream<K, R> {
    return joined(this, options, true);
  }

  /** What a record and a row of a global table make. For display only: a global table has its own time and decides nothing. */
  joinGlobal<K2, T, R>(options: o.GlobalJoinOptions<K, V, K2, T, R>): Stream<K, R, S> {
    return globallyJoined(this, options, false);
  }

  /** As `joinGlobal`, but a record without a row gives a result too. */
  leftJoinGlobal<K2, T, R>(options: o.LeftGlobalJoinOptions<K, V, K2, T, R>): Stream<K, R, S> {
    return globallyJoined(this, options, true);
  }

  #then<K2, V2, S2 extends Keying>(name: string, operator: Operator<K, V, K2, V2>, keying: S2): Stream<K2, V2, S2> {
    return new Stream([stepNode(name, this.from, operator)], keying);
  }
}

/** The outputs of a step of one's own. */
export interface Processed<P extends Ports> extends GraphEnd {
  readonly out: { readonly [N in keyof P]: Stream<P[N][0], P[N][1], 'needs repartition()'> };
}

/** The latest row of each key, kept in a store of the table's name. `V` holds null where rows can be deleted. */
export class Table<K, V> implements GraphEnd {
  readonly node: TableNode<K, V>;
  readonly nodes: readonly GraphNode[];

  constructor(node: TableNode<K, V>) {
    this.node = node;
    this.nodes = [node.updates.node];
    Object.freeze(this);
  }

  /** The table's updates; null where a row was deleted. */
  toStream(): Stream<K, V> {
    return new Stream([this.node.updates], 'by key');
  }
}

type MakeTable<K, V, R> = <A>(input: Omit<AggregateInput<K, V, A>, 'from' | 'key'>) => TableNode<R, A | null>;

/** Records that are about to become a table with keys `R`. Records with a null key or value are dropped and counted. */
export class Aggregation<K, V, R> implements GraphEnd {
  /** What to give to `topology` where the part before a repartition shares its sources with other ends. */
  readonly nodes: readonly GraphNode[];
  readonly #make: MakeTable<K, V, R>;

  constructor(from: From<K, V>, make: MakeTable<K, V, R>) {
    this.nodes = from.map((edge) => edge.node);
    this.#make = make;
  }

  /** How many records each key has had. */
  count(options: o.TableOptions): Table<R, number> {
    return new Table(this.#make({ ...options, value: integerSerde, fold: countFold }) as TableNode<R, number>);
  }

  /** Joins each record with the value so far, of the same type. */
  reduce(options: o.ReduceOptions<K, V>): Table<R, V> {
    return new Table(this.#make({ ...options, fold: reduceFold(options.reduce) }) as TableNode<R, V>);
  }

  /** Joins each record with the value so far, of any type. */
  aggregate<A, N extends A | null>(options: o.AggregateOptions<K, V, A, N>): Table<R, A | Extract<N, null>> {
    const fold = aggregateFold<K, V, A>(options.initial, options.add);
    return new Table(this.#make({ ...options, fold }) as TableNode<R, A | Extract<N, null>>);
  }
}

/** Records grouped by their key. */
export class Grouped<K, V> extends Aggregation<K, V, K> {
  readonly #from: From<K, V>;
  readonly #key: Serde<K>;

  constructor(from: From<K, V>, key: Serde<K>) {
    super(from, (input) => aggregateNode({ ...input, from, key }));
    this.#from = from;
    this.#key = key;
  }

  /** One row per key and time window; a record that comes too late for a window is dropped from it and counted. */
  windowedBy(options: TimeWindowsOptions): Aggregation<K, V, Windowed<K>> {
    const windows = timeWindows(options);
    const from = this.#from;
    const key = this.#key;
    return new Aggregation(from, (input) => windowAggregateNode({ ...input, from, key, windows }));
  }
}

/** Types refuse this already; who writes JavaScript is told so here. */
function edgesByKey<K, V>(stream: Stream<K, V, Keying>, operator: string): From<K, V> {
  if (stream.keying === 'by key') return stream.from;
  const names = stream.nodes.map((node) => `"${node.name}"`).join(', ');
  const text = `${operator} needs the records of a key in one task, but an operator before ${names} may have changed keys`;
  throw new GavelError('TOPOLOGY_INVALID', text, {
    hint: 'put a repartition() before it, use groupBy(), or say markAsPartitioned() where keys stay in their partitions',
  });
}

function joined<K, V, T, R>(
  stream: Stream<K, V>,
  options: o.LeftJoinOptions<K, V, T, R> | o.JoinOptions<K, V, T, R>,
  left: boolean,
): Stream<K, R> {
  const { name, table } = options;
  const from = edgesByKey(stream, `${left ? 'leftJoin' : 'join'}("${name}")`) as From<K, NonNull<V>>;
  const to = options.to as o.LeftJoinOptions<K, V, T, R>['to'];
  return new Stream([tableJoinNode({ name, from, table: table.node, to, left })], 'by key');
}

function globallyJoined<K, V, K2, T, R, S extends Keying>(
  stream: Stream<K, V, S>,
  options: o.LeftGlobalJoinOptions<K, V, K2, T, R> | o.GlobalJoinOptions<K, V, K2, T, R>,
  left: boolean,
): Stream<K, R, S> {
  const from = stream.from as From<K, NonNull<V>>;
  const to = options.to as o.LeftGlobalJoinOptions<K, V, K2, T, R>['to'];
  return new Stream([globalJoinNode({ ...options, from, to, left })], stream.keying);
}

function mapEntries<N extends string, T, R>(
  object: { readonly [K in N]: T },
  make: (name: N, value: T) => R,
): { readonly [K in N]: R } {
  const made = Object.entries(object).map(([name, value]) => [name, make(name as N, value as T)]);
  return Object.freeze(Object.fromEntries(made)) as { readonly [K in N]: R };
}
