/** What each operator of the DSL may be told. Every function gets the whole record: its key, value, time and headers. */

import type { GlobalTableNode, ProcessorOptions, SinkOptions } from '../graph/nodes.ts';
import type { NonNull } from '../operators/materialize.ts';
import type { Branches } from '../operators/split.ts';
import type { GlobalTables, Ports, StoreSpecs } from '../processor.ts';
import type { StreamRecord } from '../record.ts';
import type { ByteSink, Serde } from '../serde.ts';
import type { TopicSpec } from '../topic.ts';
import type { Keying, Stream, Table } from './stream.ts';

/** Every step has a name, given by its author: it is part of metrics, of topics and of what is on disk. */
export interface Named {
  readonly name: string;
}

export interface FilterOptions<K, V> extends Named {
  readonly where: (record: StreamRecord<K, V>) => boolean;
}

export interface MapOptions<K, V, K2, V2> extends Named {
  /** The new key. */
  readonly by: (record: StreamRecord<K, V>) => K2;
  /** The new value. */
  readonly to: (record: StreamRecord<K, V>) => V2;
}

export interface MapValuesOptions<K, V, V2> extends Named {
  readonly to: (record: StreamRecord<K, V>) => V2;
}

export interface FlatMapOptions<K, V, K2, V2> extends Named {
  /** The records that leave in place of this one, as pairs of key and value. */
  readonly to: (record: StreamRecord<K, V>) => Iterable<readonly [K2, V2]>;
}

export interface SelectKeyOptions<K, V, K2> extends Named {
  readonly by: (record: StreamRecord<K, V>) => K2;
}

export interface PeekOptions<K, V> extends Named {
  /** Must have no effect on what the topology computes: a record may be shown again after a failure. */
  readonly run: (record: StreamRecord<K, V>) => void;
}

export interface SplitOptions<K, V, B extends string> extends Named {
  /** Tried in the order given (branch names must not be whole numbers, which JavaScript sorts); end with `() => true` to catch the rest. */
  readonly branches: { readonly [N in B]: Branches<K, V>[string] };
}

/** A step of the author's own; its ports become streams. */
export interface ProcessOptions<K, V, P extends Ports, T extends StoreSpecs, G extends GlobalTables> extends Omit<
  ProcessorOptions<K, V, P, T, G>,
  'from'
> {}

export interface MergeOptions<K, V, S extends Keying> {
  readonly with: readonly Stream<K, V, S>[];
}

/** A topic that takes at least these types. Null values need no serde. */
export interface WritableTopic<K, V> extends TopicSpec {
  readonly key: { readonly serialize: (value: K, sink: ByteSink) => void };
  readonly value: { readonly serialize: (value: NonNull<V>, sink: ByteSink) => void };
}

export interface ToOptions<K, V> extends Named, Pick<SinkOptions<K, V>, 'partitioner' | 'feedback'> {
  /** The topic, or all topics that `route` may answer. */
  readonly topic: WritableTopic<K, V> | readonly WritableTopic<K, V>[];
  /** Chooses among the topics; needed where there are several. */
  readonly route?: (key: K, value: V) => WritableTopic<K, V>;
}

export interface RepartitionByKeyOptions<K, V> extends Named {
  readonly key: Serde<K>;
  readonly value: Serde<NonNull<V>>;
  /** Default: as many as the sources before it have. */
  readonly partitions?: number;
}

export interface TableOptions extends Named {
  /** Holds updates back until the next commit, so that a key leaves once per commit with its latest value. Default false. */
  readonly cached?: boolean;
  /** Decoded rows kept in memory, and keys held back at most where `cached`. Default 10,000. */
  readonly cacheEntries?: number;
  /** Whether rows are written to the changelog. Default true; without it the table starts empty after a move. */
  readonly logged?: boolean;
}

export interface ToTableOptions<K, V> extends TableOptions {
  readonly key: Serde<K>;
  readonly value: Serde<NonNull<V>>;
}

export interface GroupByKeyOptions<K> {
  readonly key: Serde<K>;
}

export interface GroupByOptions<K, V, K2> extends Named {
  /** The key to group by; a record without one (null) is dropped and counted. */
  readonly by: (record: StreamRecord<K, V>) => K2 | null | undefined;
  readonly key: Serde<K2>;
  readonly value: Serde<NonNull<V>>;
  /** Default: as many as the sources before it have. */
  readonly partitions?: number;
}

export interface ReduceOptions<K, V> extends TableOptions {
  readonly value: Serde<V>;
  /** Joins the value so far with a record; the first record of a key is its first value. */
  readonly reduce: (current: V, record: StreamRecord<K, V>) => V;
}

export interface AggregateOptions<K, V, A, N extends A | null> extends TableOptions {
  readonly value: Serde<A>;
  /** The value before the first record of a key. */
  readonly initial: () => NoInfer<A>;
  /** A new value: never change `current`. Null deletes the row. */
  readonly add: (current: A, record: StreamRecord<K, V>) => N;
}

export interface JoinOptions<K, V, T, R> extends Named {
  readonly table: Table<K, T>;
  readonly to: (record: StreamRecord<K, NonNull<V>>, row: NonNull<T>) => R;
}

export interface LeftJoinOptions<K, V, T, R> extends Named {
  readonly table: Table<K, T>;
  /** `row` is null where the table has none. */
  readonly to: (record: StreamRecord<K, NonNull<V>>, row: NonNull<T> | null) => R;
}

export interface GlobalJoinOptions<K, V, K2, T, R> extends Named {
  readonly table: GlobalTableNode<K2, T>;
  /** The key to look up. */
  readonly by: (record: StreamRecord<K, NonNull<V>>) => K2 | null | undefined;
  readonly to: (record: StreamRecord<K, NonNull<V>>, row: T) => R;
}

export interface LeftGlobalJoinOptions<K, V, K2, T, R> extends Named {
  readonly table: GlobalTableNode<K2, T>;
  readonly by: (record: StreamRecord<K, NonNull<V>>) => K2 | null | undefined;
  /** `row` is null where the table has none. */
  readonly to: (record: StreamRecord<K, NonNull<V>>, row: T | null) => R;
}
