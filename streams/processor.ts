/** What a processor is and what it may do: the contract between the engine and the author of a step. */

import type { Header, StreamRecord } from './record.ts';
import type { GlobalTableNode, StoreSpec } from './graph/nodes.ts';

/** Output ports of a processor by name; the types are those of the records that leave through them. */
export type Ports = { readonly [port: string]: readonly [key: unknown, value: unknown] };

export type StoreSpecs = { readonly [alias: string]: StoreSpec<unknown, unknown> };
export type GlobalTables = { readonly [alias: string]: GlobalTableNode<unknown, unknown> };

export type StoresOf<S> = {
  readonly [A in keyof S]: S[A] extends StoreSpec<infer K, infer V> ? KeyValueStore<K, V> : never;
};
export type TablesOf<G> = {
  readonly [A in keyof G]: G[A] extends GlobalTableNode<infer K, infer V> ? ReadOnlyStore<K, V> : never;
};

/** One entry of a scan. */
export interface Entry<K, V> {
  readonly key: K;
  readonly value: V;
}

export interface ScanOptions<K> {
  /** First key, inclusive; default the first of the store. */
  readonly gte?: K;
  /** End, exclusive; default the end of the store. */
  readonly lt?: K;
  /** Only keys whose bytes begin with these bytes; not together with `gte` and `lt`. */
  readonly prefix?: Buffer;
  readonly reverse?: boolean;
  /** Entries at most. Default no bound. */
  readonly limit?: number;
}

export interface IndexScanOptions {
  /** Last order, inclusive. */
  readonly lte?: number;
  readonly limit: number;
}

export interface ReadOnlyStore<K, V> {
  /** The newest value, or undefined. Synchronous. */
  get(key: K): V | undefined;
}

/**
 * A store of one task as its processors see it: the open epoch over the committing one over the disk.
 * Values are immutable: put a new object, never change one that you got.
 */
export interface KeyValueStore<K, V> extends ReadOnlyStore<K, V> {
  put(key: K, value: V): void;
  delete(key: K): void;
  /** Entries in the order of their keys' bytes, pinned when the loop begins and released when it ends. */
  scan(options?: ScanOptions<K>): AsyncIterable<Entry<K, V>>;
  /** The first entries of a local index by (order, key), pinned at the call. */
  scanIndex(index: string, options: IndexScanOptions): Promise<readonly IndexEntry<K, V>[]>;
  /** The lowest order in an index, or undefined where it is empty. */
  firstOrder(index: string): Promise<number | undefined>;
}

export interface IndexEntry<K, V> extends Entry<K, V> {
  readonly order: number;
}

export interface ForwardOptions {
  /** Default: the time of the input record, or of the punctuation. */
  readonly timestamp?: number;
  /** Default: none. */
  readonly headers?: readonly Header[];
}

export interface Punctuation {
  /** `stream` = record time; `wall-clock` = the clock. */
  readonly kind: 'stream' | 'wall-clock';
  readonly intervalMs: number;
  /** Gets the punctuation time: stream time or wall-clock time. */
  readonly run: (time: number) => void | Promise<void>;
}

export interface Cancellable {
  cancel(): void;
}

/** What a processor of one task may use. Valid as long as the task runs; its functions may be taken off it. */
export interface ProcessorContext<P extends Ports, S extends StoreSpecs, G extends GlobalTables = NoTables> {
  readonly subtopology: string;
  readonly partition: number;
  readonly stores: StoresOf<S>;
  readonly tables: TablesOf<G>;
  /** Highest timestamp processed by the task; -1 before the first record. Survives restarts and moves. */
  readonly streamTime: number;
  /** Time of the record, wake or punctuation that runs now. */
  readonly time: number;
  /** Sends a record through a port to every node behind it, before this call returns. */
  forward<N extends keyof P>(this: void, port: N, key: P[N][0], value: P[N][1], options?: ForwardOptions): void;
  /**
   * Asks for `Processor.wake` once record time reaches `time`; the earliest asked for counts. Where the source has `clock: true`,
   * record time gets there even when no input comes. Kept across restarts.
   */
  wakeAt(this: void, time: number): void;
  /** Registers a punctuation; call it while the processor is created or later. Not kept across restarts. */
  schedule(this: void, punctuation: Punctuation): Cancellable;
  /** Sends the input record that runs now, as it came, to the dead letters of its topic with this reason; its other effects stay. */
  deadLetter(this: void, reason: string, message: string): void;
  /** Adds to a counter of the metrics hook, e.g. `count('bids_total', { outcome: 'ACCEPTED' })`. Counted once per record, also when the epoch is run again. */
  count(this: void, name: string, labels?: { readonly [label: string]: string }, by?: number): void;
  /** Records a duration or a size in a histogram of the metrics hook. */
  observe(this: void, name: string, value: number, labels?: { readonly [label: string]: string }): void;
}

/** The tables of a processor that uses none. */
export type NoTables = { readonly [alias: string]: never };

/** One step of one task. Keep what must survive in stores: variables of the closure are not rolled back with an epoch. */
export interface Processor<K, V> {
  /** Handles a record. Only one that must scan returns a promise; the engine then waits for it before the next record. */
  process(record: StreamRecord<K, V>): void | Promise<void>;
  /**
   * Handles things due at or before `time`, at most `limit` of them, and answers the next time at which something will be due
   * (≤ `time` where more is due now; undefined where nothing is).
   */
  wake?(time: number, limit: number): number | undefined | Promise<number | undefined>;
  /** Called at the cut, before the epoch is frozen, in topological order: forward what was held back. Synchronous. */
  flush?(): void;
  /** Called when the open epoch is dropped and will be run again: forget what was held back since the last cut. */
  rollback?(): void;
  /** Releases what the processor holds outside of stores. */
  close?(): void;
}
