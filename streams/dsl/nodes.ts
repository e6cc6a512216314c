/** Makes the nodes behind the DSL's operators: the same nodes that one could write by hand. */

import { OUT, keyValueStore, port, processor, repartition, sink } from '../graph/nodes.ts';
import type { Edge, GlobalTableNode, SinkNode, SinkOptions, StoreSpec } from '../graph/nodes.ts';
import { aggregating } from '../operators/aggregate.ts';
import type { Fold } from '../operators/fold.ts';
import type { CachingOptions } from '../operators/held-forwards.ts';
import { globalJoining, tableJoining } from '../operators/join.ts';
import type { Joining } from '../operators/join.ts';
import { materializing } from '../operators/materialize.ts';
import type { NonNull } from '../operators/materialize.ts';
import type { Operator } from '../operators/operator.ts';
import type { TimeWindows } from '../operators/time-windows.ts';
import { timestampedSerde } from '../operators/timestamped.ts';
import type { Timestamped } from '../operators/timestamped.ts';
import { windowAggregating } from '../operators/window-aggregate.ts';
import { windowStoreSpecs } from '../operators/window-store.ts';
import { partitionerOf, windowedSerde } from '../operators/windowed.ts';
import type { Windowed } from '../operators/windowed.ts';
import type { StoreSpecs } from '../processor.ts';
import type { StreamRecord } from '../record.ts';
import type { Serde } from '../serde.ts';
import type { Topic } from '../topic.ts';
import type { RepartitionByKeyOptions, TableOptions, ToOptions } from './options.ts';

/** Where a step gets its records from. */
export type From<K, V> = readonly Edge<K, V>[];

/** Port of a table through which nothing is sent: it ties those who read the store to the table's task. */
const STATE = 'state';

/** What makes a table: its store, and the edges to its updates and to its store. */
export interface TableNode<K, V> {
  readonly store: StoreSpec<K, Timestamped<NonNull<V>>>;
  readonly updates: Edge<K, V>;
  readonly state: Edge<never, never>;
}

/** A step with one output and no store. */
export function stepNode<K, V, K2, V2>(name: string, from: From<K, V>, create: Operator<K, V, K2, V2>): Edge<K2, V2> {
  return processor({ name, from, ports: { [OUT]: port<K2, V2>() }, create }).out[OUT];
}

/** Behind an internal topic; windowed keys go by their inner key (semantics 25). */
export function repartitionEdge<K, V>(
  options: RepartitionByKeyOptions<K, V> & { readonly from: From<K, V> },
): Edge<K, V> {
  const partitioner = partitionerOf(options.key);
  const value = options.value as Serde<V>;
  return repartition({ ...options, value, ...(partitioner && { partitioner }) }).out;
}

export function sinkNode<K, V>(options: ToOptions<K, V> & { readonly from: From<K, V> }): SinkNode {
  const { topic, ...rest } = options;
  const topics = [topic].flat() as unknown as readonly Topic<K, V>[];
  const partitioner = options.partitioner ?? (topics[0] && partitionerOf(topics[0].key));
  return sink({ ...(rest as Omit<SinkOptions<K, V>, 'topic'>), topic: topics, ...(partitioner && { partitioner }) });
}

interface TableInput<K, V> extends TableOptions {
  readonly from: From<K, V>;
  readonly key: Serde<K>;
}

/** A table of the latest value of each key. */
export function materializedNode<K, V>(
  options: TableInput<K, V> & { readonly value: Serde<NonNull<V>> },
): TableNode<K, NonNull<V> | null> {
  const rows = rowStore(options, options.value);
  const operator = materializing<K, V>(caching(options, options.key));
  return tableNode({ ...options, rows, stores: { rows }, operator });
}

export interface AggregateInput<K, V, A> extends TableInput<K, V> {
  readonly value: Serde<A>;
  readonly fold: Fold<K, V, A>;
}

/** A table of one row per key, folded from all its records. */
export function aggregateNode<K, V, A>(options: AggregateInput<K, V, A>): TableNode<K, A | null> {
  const rows = rowStore(options, options.value);
  const operator = aggregating(options.fold, caching(options, options.key));
  return tableNode({ ...options, rows, stores: { rows }, operator });
}

/** A table of one row per key and window. */
export function windowAggregateNode<K, V, A>(
  options: AggregateInput<K, V, A> & { readonly windows: TimeWindows },
): TableNode<Windowed<K>, A | null> {
  const { name, key, fold, windows, logged = true, cacheEntries = CACHE_ENTRIES } = options;
  const value = timestampedSerde(options.value);
  const stores = windowStoreSpecs({ name, key, value, windows, logged, cacheEntries });
  const operator = windowAggregating(fold, windows, caching(options, windowedSerde(key, windows.sizeMs)));
  return tableNode({ ...options, rows: stores.rows, stores, operator });
}

export function tableJoinNode<K, V, T, R>(
  options: { readonly name: string; readonly from: From<K, V>; readonly table: TableNode<K, T> } & Joining<
    K,
    V,
    NonNull<T>,
    R
  >,
): Edge<K, R> {
  const { name, from, table } = options;
  return processor({
    name,
    from: [...from, table.state],
    ports: { [OUT]: port<K, R>() },
    stores: { table: table.store },
    create: tableJoining(options),
  }).out[OUT];
}

export function globalJoinNode<K, V, K2, T, R>(
  options: {
    readonly name: string;
    readonly from: From<K, V>;
    readonly table: GlobalTableNode<K2, T>;
    readonly by: (record: StreamRecord<K, V>) => K2 | null | undefined;
  } & Joining<K, V, T, R>,
): Edge<K, R> {
  const { name, from, table } = options;
  return processor({
    name,
    from,
    ports: { [OUT]: port<K, R>() },
    tables: { table },
    create: globalJoining(options),
  }).out[OUT];
}

const CACHE_ENTRIES = 10_000;

type TablePorts<K, V> = { readonly [OUT]: readonly [K, V]; readonly [STATE]: readonly [never, never] };

interface TableParts<K, V, K2, A, S extends StoreSpecs> {
  readonly name: string;
  readonly from: From<K, V>;
  readonly rows: StoreSpec<K2, Timestamped<A>>;
  readonly stores: S;
  readonly operator: Operator<K, V, K2, A | null, S>;
}

function tableNode<K, V, K2, A, S extends StoreSpecs>(parts: TableParts<K, V, K2, A, S>): TableNode<K2, A | null> {
  const { name, from, rows, stores, operator } = parts;
  const ports = { [OUT]: port<K2, A | null>(), [STATE]: port<never, never>() };
  const { out } = processor<K, V, TablePorts<K2, A | null>, S>({ name, from, ports, stores, create: operator });
  return { store: rows as TableNode<K2, A>['store'], updates: out[OUT], state: out[STATE] };
}

function rowStore<K, V>(options: TableInput<K, unknown>, value: Serde<V>): StoreSpec<K, Timestamped<V>> {
  const { name, key, logged = true, cacheEntries = CACHE_ENTRIES } = options;
  return keyValueStore({ name, key, value: timestampedSerde(value), logged, cacheEntries });
}

function caching<K>(options: TableOptions, key: Serde<K>): CachingOptions<K> {
  return { key, cached: options.cached ?? false, cacheEntries: options.cacheEntries ?? CACHE_ENTRIES };
}
