/**
 * The head of a local index in memory: its lowest entries up to a horizon, so that finding what is due costs no scan.
 * An entry is a position, 8 bytes of order and the key's bytes as latin-1 text. What is not valid any more is dropped when it comes up.
 */

/** Entries read from the storage at once; each time the rows of unfinished epochs are looked through. */
const LOAD = 4_000;
/** Beyond this many entries in memory the highest half is given up again. */
const HEAD_MAX = 8_192;

/** Behind every position: all entries are in memory. */
const EVERYTHING = '\uffff';

export interface LoadedEntries {
  readonly stored: readonly string[];
  readonly unfinished: (through: string) => Iterable<string>;
}

export interface IndexSource {
  /**
   * The first entries behind `after` in storage, sorted, at most `limit` (fewer: there are no more), and those behind `after`
   * and up to a position of rows in unfinished epochs: all that there were at the call.
   */
  load(after: string, limit: number): Promise<LoadedEntries>;
  /** True where the position is that of the row's newest value. */
  isCurrent(position: string): boolean;
}

export class DueIndex {
  readonly #source: IndexSource;
  #heap: string[] = [];
  /** Every entry at or below is in the heap. */
  #horizon = '';
  /** Entries beyond the horizon that were added while it is moved on; undefined while it stands. */
  #meanwhile: string[] | undefined;
  #last: Promise<unknown> = Promise.resolve();

  constructor(source: IndexSource) {
    this.#source = source;
  }

  /** Tells of an entry that a row now has. */
  add(position: string): void {
    if (position > this.#horizon) {
      this.#meanwhile?.push(position);
      return;
    }
    push(this.#heap, position);
    if (this.#heap.length > HEAD_MAX) this.#shrink();
  }

  /** The lowest current entries at or below `through`, at most `limit`; they stay in the index. */
  first(through: string, limit: number): Promise<readonly string[]> {
    // One after another: each takes entries out while it looks.
    const found = this.#last.then(() => this.#first(through, limit));
    this.#last = found.catch(() => undefined);
    return found;
  }

  async #first(through: string, limit: number): Promise<readonly string[]> {
    const found: string[] = [];
    while (found.length < limit) {
      const position = this.#heap[0];
      if (position === undefined) {
        if (this.#horizon >= through || !(await this.#load())) break;
      } else if (position > through) break;
      else {
        pop(this.#heap);
        if (position !== found[found.length - 1] && this.#source.isCurrent(position)) found.push(position);
      }
    }
    for (const position of found) push(this.#heap, position);
    return found;
  }

  /** Forgets what is in memory, after an epoch was dropped. */
  reset(): void {
    this.#heap = [];
    this.#horizon = '';
  }

  async #load(): Promise<boolean> {
    if (this.#horizon === EVERYTHING) return false;
    const meanwhile: string[] = [];
    this.#meanwhile = meanwhile;
    const { stored, unfinished } = await this.#source.load(this.#horizon, LOAD);
    this.#meanwhile = undefined;
    this.#horizon = stored.length < LOAD ? EVERYTHING : (stored[stored.length - 1] as string);
    for (const position of stored) push(this.#heap, position);
    for (const position of unfinished(this.#horizon)) this.add(position);
    for (const position of meanwhile) this.add(position);
    return true;
  }

  #shrink(): void {
    this.#heap.sort();
    this.#heap.length = HEAD_MAX / 2;
    this.#horizon = this.#heap[this.#heap.length - 1] as string;
  }
}

function push(heap: string[], item: string): void {
  let at = heap.length;
  heap.push(item);
  while (at > 0) {
    const parent = (at - 1) >>> 1;
    if ((heap[parent] as string) <= item) break;
    heap[at] = heap[parent] as string;
    at = parent;
  }
  heap[at] = item;
}

function pop(heap: string[]): void {
  const last = heap.pop() as string;
  const length = heap.length;
  if (length === 0) return;
  let at = 0;
  for (;;) {
    let child = at * 2 + 1;
    if (child >= length) break;
    if (child + 1 < length && (heap[child + 1] as string) < (heap[child] as string)) child++;
    if ((heap[child] as string) >= last) break;
    heap[at] = heap[child] as string;
    at = child;
  }
  heap[at] = last;
}
