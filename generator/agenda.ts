/** The auctions that expect a bid, the next one first: a binary heap. */

/** Something that happens next at `nextAt`; `number` decides between equals. */
export interface Scheduled {
  readonly nextAt: number;
  readonly number: number;
}

export class Agenda<T extends Scheduled> {
  readonly #heap: T[] = [];

  get size(): number {
    return this.#heap.length;
  }

  /** The first one, which stays. */
  peek(): T | undefined {
    return this.#heap[0];
  }

  add(entry: T): void {
    const heap = this.#heap;
    let at = heap.push(entry) - 1;
    while (at > 0) {
      const parent = (at - 1) >> 1;
      if (!isBefore(entry, heap[parent] as T)) break;
      heap[at] = heap[parent] as T;
      at = parent;
    }
    heap[at] = entry;
  }

  /** Puts the first one where it belongs now that its time has moved on; removes it where that is infinite. */
  settleFirst(): void {
    const heap = this.#heap;
    let entry = heap[0] as T;
    if (entry.nextAt === Infinity) {
      entry = heap.pop() as T;
      if (heap.length === 0) return;
    }
    let at = 0;
    for (;;) {
      let child = 2 * at + 1;
      if (child >= heap.length) break;
      if (child + 1 < heap.length && isBefore(heap[child + 1] as T, heap[child] as T)) child++;
      if (!isBefore(heap[child] as T, entry)) break;
      heap[at] = heap[child] as T;
      at = child;
    }
    heap[at] = entry;
  }
}

function isBefore(a: Scheduled, b: Scheduled): boolean {
  return a.nextAt < b.nextAt || (a.nextAt === b.nextAt && a.number < b.number);
}
