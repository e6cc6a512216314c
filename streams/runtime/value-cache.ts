/** Rows in memory: two generations, the older dropped whole, so that a hit costs one look-up. */

import type { DirtyRow } from './dirty-rows.ts';

/** The newest value of a key, and its row in the open epoch if it has one. */
export interface CachedRow<K, V> {
  /** Undefined = deleted. */
  value: V | undefined;
  /** Belongs to the open epoch only while `epoch` is the store's. */
  row: DirtyRow<K, V> | undefined;
  epoch: number;
}

export class ValueCache<K, V> {
  readonly #perGeneration: number;
  #young = new Map<string, CachedRow<K, V>>();
  #old = new Map<string, CachedRow<K, V>>();
  /** The look-up before: a put mostly follows the get of its key. */
  #lastId: string | undefined;
  #last: CachedRow<K, V> | undefined;

  /** @param entries values kept at most */
  constructor(entries: number) {
    this.#perGeneration = Math.max(1, Math.floor(entries / 2));
  }

  get(id: string): CachedRow<K, V> | undefined {
    if (id === this.#lastId) return this.#last;
    let cached = this.#young.get(id);
    if (cached === undefined) {
      cached = this.#old.get(id);
      if (cached === undefined) return undefined;
      this.#insert(id, cached);
    }
    this.#lastId = id;
    this.#last = cached;
    return cached;
  }

  /** Adds what `get` did not find. */
  add(id: string, cached: CachedRow<K, V>): void {
    this.#insert(id, cached);
    this.#lastId = id;
    this.#last = cached;
  }

  delete(id: string): void {
    this.#lastId = undefined;
    this.#young.delete(id);
    this.#old.delete(id);
  }

  #insert(id: string, cached: CachedRow<K, V>): void {
    if (this.#young.size >= this.#perGeneration) {
      this.#old = this.#young;
      this.#young = new Map();
    }
    this.#young.set(id, cached);
  }
}
