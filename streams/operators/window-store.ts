/**
 * Rows by key and window with a retention: what has expired cannot be read or written, and is removed a slice at a time
 * as the operator's stream time goes on (semantics 22).
 */

import { keyValueStore } from '../graph/nodes.ts';
import type { StoreSpec } from '../graph/nodes.ts';
import type { KeyValueStore, NoTables, Ports, ProcessorContext } from '../processor.ts';
import type { Serde } from '../serde.ts';
import { dropExpired } from './drops.ts';
import { NOTHING_OBSERVED, ObservedTime, observedTimeStore } from './observed-time.ts';
import type { TimeWindows } from './time-windows.ts';
import { segmentBound, windowKeySerde } from './window-key.ts';
import type { Windowed } from './windowed.ts';

export interface WindowStoreOptions<K, V> {
  readonly name: string;
  readonly key: Serde<K>;
  readonly value: Serde<V>;
  readonly windows: TimeWindows;
  readonly cacheEntries: number;
  readonly logged: boolean;
}

/** The stores behind a window store: its rows, and the stream time that decides what has expired. */
export interface WindowStoreSpecs<K, V> {
  readonly [alias: string]: StoreSpec<Windowed<K>, V> | StoreSpec<string, number>;
  readonly rows: StoreSpec<Windowed<K>, V>;
  readonly time: StoreSpec<string, number>;
}

export function windowStoreSpecs<K, V>(options: WindowStoreOptions<K, V>): WindowStoreSpecs<K, V> {
  const { name, key, value, windows, cacheEntries, logged } = options;
  return {
    rows: keyValueStore({ name, key: windowKeySerde(key, segmentsOf(windows)), value, cacheEntries, logged }),
    time: observedTimeStore({ name, logged }),
  };
}

function segmentsOf({ sizeMs, advanceMs }: TimeWindows): { readonly sizeMs: number; readonly segmentMs: number } {
  return { sizeMs, segmentMs: advanceMs };
}

export interface WindowStoreContext<K, V> extends Pick<
  ProcessorContext<Ports, never, NoTables>,
  'wakeAt' | 'time' | 'count'
> {
  readonly stores: { readonly rows: KeyValueStore<Windowed<K>, V>; readonly time: KeyValueStore<string, number> };
}

/** Rows removed with the record that made them expire; what is left goes in slices of the engine's wakes. */
const SWEEP_LIMIT = 500;

/** Of one task. The processor that owns it calls `advance` and `sweep` for each record, and hands the hooks on. */
export class WindowStore<K, V> {
  readonly #context: WindowStoreContext<K, V>;
  readonly #rows: KeyValueStore<Windowed<K>, V>;
  readonly #observed: ObservedTime;
  readonly #windows: TimeWindows;
  #sweepDue = false;
  /** The last row removed: the next slice begins behind it, not among the tombstones before it. */
  #swept: Windowed<K> | undefined;

  constructor(context: WindowStoreContext<K, V>, windows: TimeWindows) {
    this.#context = context;
    this.#rows = context.stores.rows;
    this.#observed = new ObservedTime(context.stores.time);
    this.#windows = windows;
  }

  /** Moves stream time on to that of a record, never back, and answers where it stands. */
  advance(time: number): number {
    const before = this.#observed.time;
    if (time <= before) return before;
    // Before the first record there is nothing to remove.
    if (before !== NOTHING_OBSERVED) this.#sweepDue ||= this.#firstLiveStart(before) < this.#firstLiveStart(time);
    return this.#observed.advance(time);
  }

  get(key: Windowed<K>): V | undefined {
    return this.#isExpired(key.start) ? undefined : this.#rows.get(key);
  }

  /** A put into an expired window is dropped and counted. */
  put(key: Windowed<K>, value: V): void {
    if (this.#isExpired(key.start)) dropExpired(this.#context);
    else this.#rows.put(key, value);
  }

  delete(key: Windowed<K>): void {
    if (!this.#isExpired(key.start)) this.#rows.delete(key);
  }

  /** Removes what the last `advance` made expire, or a first slice of it; nearly always there is nothing to do. */
  sweep(): void | Promise<void> {
    if (!this.#sweepDue) return;
    this.#sweepDue = false;
    return this.#sweepSlice();
  }

  /** Removes at most `limit` expired rows; answers `time` where more are left. */
  async wake(time: number, limit: number): Promise<number | undefined> {
    const from = this.#swept === undefined ? {} : { gte: this.#swept };
    const lt = segmentBound(this.#firstLiveStart(this.#observed.time));
    let removed = 0;
    for await (const { key } of this.#rows.scan({ ...from, lt, limit: limit + 1 })) {
      if (removed === limit) return time;
      this.#rows.delete(key);
      this.#swept = key;
      removed++;
    }
    return undefined;
  }

  flush(): void {
    this.#observed.flush();
  }

  rollback(): void {
    this.#observed.rollback();
    this.#sweepDue = false;
    this.#swept = undefined;
  }

  async #sweepSlice(): Promise<void> {
    const next = await this.wake(this.#context.time, SWEEP_LIMIT);
    if (next !== undefined) this.#context.wakeAt(next);
  }

  #isExpired(start: number): boolean {
    return start + this.#windows.retentionMs <= this.#observed.time;
  }

  /** Start of the first window that has not expired. */
  #firstLiveStart(observedTime: number): number {
    const { retentionMs, advanceMs } = this.#windows;
    return Math.max(0, Math.floor((observedTime - retentionMs) / advanceMs) + 1) * advanceMs;
  }
}
