/** Decoded values in memory: two generations, the older dropped whole, so that a hit costs one look-up. */

export class ValueCache<V> {
  readonly #perGeneration: number;
  #young = new Map<string, V>();
  #old = new Map<string, V>();

  /** @param entries values kept at most */
  constructor(entries: number) {
    this.#perGeneration = Math.max(1, Math.floor(entries / 2));
  }

  get(id: string): V | undefined {
    const value = this.#young.get(id);
    if (value !== undefined) return value;
    const older = this.#old.get(id);
    if (older !== undefined) this.set(id, older);
    return older;
  }

  set(id: string, value: V): void {
    if (this.#young.size >= this.#perGeneration && !this.#young.has(id)) {
      this.#old = this.#young;
      this.#young = new Map();
    }
    this.#young.set(id, value);
  }

  delete(id: string): void {
    this.#young.delete(id);
    this.#old.delete(id);
  }

  clear(): void {
    this.#young.clear();
    this.#old.clear();
  }
}
