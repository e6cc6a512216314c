/** The rows that an epoch changed in one store: a map that can also be scanned in the order of the keys' bytes. */

export interface DirtyRow<K, V> {
  readonly key: K;
  /** The newest value; undefined = deleted. */
  value: V | undefined;
  /** The value when the epoch began; kept for stores with indexes only. */
  readonly before: V | undefined;
}

interface Sorted<K, V> {
  /** Bytes of the key as latin-1 text: its order is that of the bytes. */
  readonly bytes: string;
  readonly row: DirtyRow<K, V>;
}

/** New keys beyond this are merged into the sorted run at the next scan; fewer are searched one by one. */
const UNSORTED_MAX = 64;

export class DirtyRows<K, V> {
  readonly rows = new Map<string, DirtyRow<K, V>>();
  readonly #bytesOf: (key: K) => string;
  #sorted: Sorted<K, V>[] = [];
  #unsorted: Sorted<K, V>[] = [];
  /** Begun with the first scan: most epochs have none. */
  #scanned = false;

  constructor(bytesOf: (key: K) => string) {
    this.#bytesOf = bytesOf;
  }

  get size(): number {
    return this.rows.size;
  }

  get(id: string): DirtyRow<K, V> | undefined {
    return this.rows.get(id);
  }

  add(id: string, row: DirtyRow<K, V>): void {
    this.rows.set(id, row);
    if (this.#scanned) this.#unsorted.push({ bytes: this.#bytesOf(row.key), row });
  }

  /** Rows with `gte` ≤ key bytes < `lt`, in order. */
  range(gte: string, lt: string): readonly Sorted<K, V>[] {
    this.#sort();
    const found = this.#unsorted.filter((entry) => entry.bytes >= gte && entry.bytes < lt);
    for (let i = lowerBound(this.#sorted, gte); i < this.#sorted.length; i++) {
      const entry = this.#sorted[i] as Sorted<K, V>;
      if (entry.bytes >= lt) break;
      found.push(entry);
    }
    return found.sort(compare);
  }

  #sort(): void {
    if (!this.#scanned) {
      this.#scanned = true;
      for (const row of this.rows.values()) this.#unsorted.push({ bytes: this.#bytesOf(row.key), row });
    }
    if (this.#unsorted.length <= UNSORTED_MAX) return;
    this.#sorted = this.#sorted.concat(this.#unsorted).sort(compare);
    this.#unsorted = [];
  }
}

function lowerBound(sorted: readonly { readonly bytes: string }[], bytes: string): number {
  let low = 0;
  let high = sorted.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if ((sorted[middle] as { readonly bytes: string }).bytes < bytes) low = middle + 1;
    else high = middle;
  }
  return low;
}

function compare(a: { readonly bytes: string }, b: { readonly bytes: string }): number {
  return a.bytes < b.bytes ? -1 : a.bytes > b.bytes ? 1 : 0;
}
