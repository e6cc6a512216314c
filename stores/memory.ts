/** The state port in memory, for tests and for state that may be rebuilt at every start. */
import { GavelError } from '../streams/errors.ts';
import type { KeyRange, StateBackend, StorageBatch, StorageIterator, TaskStorage } from '../streams/state.ts';
import { requireTaskName } from './task-name.ts';

export interface MemoryStateOptions {
  /** Called before a batch of that task applies; what it throws is what the write throws, and nothing is applied. */
  readonly onWrite?: (task: string) => void;
}

/** State in memory. It lives as long as the value returned here: closing and opening a task again finds it as it was. */
export function memoryState(options: MemoryStateOptions = {}): StateBackend {
  return new MemoryState(options);
}

class MemoryState implements StateBackend {
  readonly #options: MemoryStateOptions;
  readonly #tasks = new Map<string, SortedBytes>();
  readonly #open = new Set<string>();

  constructor(options: MemoryStateOptions) {
    this.#options = options;
  }

  async open(task: string): Promise<TaskStorage> {
    requireTaskName(task);
    this.#refuseOpen(task);
    this.#open.add(task);
    let bytes = this.#tasks.get(task);
    if (bytes === undefined) this.#tasks.set(task, (bytes = new SortedBytes()));
    const { onWrite } = this.#options;
    return new MemoryStorage(task, bytes, {
      beforeWrite: () => onWrite?.(task),
      closed: () => this.#open.delete(task),
    });
  }

  async destroy(task: string): Promise<void> {
    requireTaskName(task);
    this.#refuseOpen(task);
    this.#tasks.delete(task);
  }

  async list(): Promise<readonly string[]> {
    return [...this.#tasks.keys()].sort();
  }

  #refuseOpen(task: string): void {
    if (!this.#open.has(task)) return;
    throw new GavelError('STATE_LOCKED', `the store of task ${task} is open`, { hint: 'Close it first.' });
  }
}

interface MemoryHooks {
  beforeWrite(): void;
  closed(): void;
}

class MemoryStorage implements TaskStorage {
  readonly #task: string;
  readonly #bytes: SortedBytes;
  readonly #hooks: MemoryHooks;
  readonly #iterators = new Set<MemoryIterator>();
  #closed = false;

  constructor(task: string, bytes: SortedBytes, hooks: MemoryHooks) {
    this.#task = task;
    this.#bytes = bytes;
    this.#hooks = hooks;
  }

  get(key: Buffer): Buffer | undefined {
    this.#requireOpen();
    return this.#bytes.get(key.toString('latin1'));
  }

  iterate(range: KeyRange): StorageIterator {
    this.#requireOpen();
    const iterator = new MemoryIterator(this.#bytes.pin(range), () => this.#iterators.delete(iterator));
    this.#iterators.add(iterator);
    return iterator;
  }

  batch(): StorageBatch {
    this.#requireOpen();
    return new MemoryBatch((operations) => {
      this.#requireOpen();
      this.#hooks.beforeWrite();
      this.#bytes.apply(operations);
    });
  }

  async size(): Promise<number> {
    this.#requireOpen();
    return this.#bytes.size();
  }

  async close(): Promise<void> {
    if (this.#closed) return;
    this.#closed = true;
    await Promise.all(Array.from(this.#iterators, (iterator) => iterator.close()));
    this.#hooks.closed();
  }

  #requireOpen(): void {
    if (this.#closed) throw new GavelError('ILLEGAL_STATE', `the store of task ${this.#task} is closed`);
  }
}

/** A key as latin-1 text and its new value, or undefined to delete it. */
type Operation = readonly [key: string, value: Buffer | undefined];

class MemoryBatch implements StorageBatch {
  readonly #apply: (operations: readonly Operation[]) => void;
  readonly #operations: Operation[] = [];
  #used = false;

  constructor(apply: (operations: readonly Operation[]) => void) {
    this.#apply = apply;
  }

  get size(): number {
    return this.#operations.length;
  }

  put(key: Buffer, value: Buffer): void {
    this.#requireUnused();
    this.#operations.push([key.toString('latin1'), Buffer.from(value)]);
  }

  delete(key: Buffer): void {
    this.#requireUnused();
    this.#operations.push([key.toString('latin1'), undefined]);
  }

  async write(): Promise<void> {
    this.#requireUnused();
    this.#used = true;
    this.#apply(this.#operations);
  }

  async discard(): Promise<void> {
    this.#used = true;
  }

  #requireUnused(): void {
    if (this.#used) throw new GavelError('ILLEGAL_STATE', 'the batch is used up');
  }
}

class MemoryIterator implements StorageIterator {
  readonly #released: () => void;
  #pin: Pin | undefined;

  constructor(pin: Pin, released: () => void) {
    this.#pin = pin;
    this.#released = released;
  }

  async next(limit: number): Promise<readonly (readonly [key: Buffer, value: Buffer])[]> {
    if (this.#pin === undefined) throw new GavelError('ILLEGAL_STATE', 'the iterator is closed');
    return this.#pin.take(limit);
  }

  async close(): Promise<void> {
    this.#pin?.release();
    this.#pin = undefined;
    this.#released();
  }
}

/** A view of a range as it was when pinned. */
interface Pin {
  take(limit: number): [key: Buffer, value: Buffer][];
  release(): void;
}

/**
 * Bytes by key. Keys are held as latin-1 text, one character per byte, so that a Map finds them and the order of
 * strings is the order of unsigned bytes.
 */
class SortedBytes {
  readonly #values = new Map<string, Buffer>();
  /** Sorted keys as of the last range read; never changed in place, pins hold it. */
  #sorted: readonly string[] = [];
  /** What has changed since, so that bringing it up to date is a merge. */
  readonly #added = new Set<string>();
  readonly #removed = new Set<string>();
  /** For each pin the values it saw which were overwritten or deleted after it. */
  readonly #pins = new Set<Map<string, Buffer>>();

  get(key: string): Buffer | undefined {
    return this.#values.get(key);
  }

  apply(operations: readonly Operation[]): void {
    for (const [key, value] of operations) {
      const before = this.#values.get(key);
      if (before !== undefined) {
        for (const kept of this.#pins) if (!kept.has(key)) kept.set(key, before);
      }
      if (value !== undefined) {
        this.#values.set(key, value);
        if (before === undefined) this.#added.add(key);
      } else if (before !== undefined) {
        this.#values.delete(key);
        if (!this.#added.delete(key)) this.#removed.add(key);
      }
    }
  }

  pin({ gte, lt, reverse = false }: KeyRange): Pin {
    const keys = this.#sortedKeys();
    const first = lowerBound(keys, gte.toString('latin1'));
    const end = Math.max(first, lowerBound(keys, lt.toString('latin1')));
    const kept = new Map<string, Buffer>();
    this.#pins.add(kept);
    let taken = 0;
    return {
      take: (limit) => {
        const count = Math.min(Math.max(1, limit), end - first - taken);
        return Array.from({ length: count }, () => {
          const key = keys[reverse ? end - 1 - taken : first + taken] as string;
          taken += 1;
          return [Buffer.from(key, 'latin1'), (kept.get(key) ?? this.#values.get(key)) as Buffer];
        });
      },
      release: () => this.#pins.delete(kept),
    };
  }

  size(): number {
    let bytes = 0;
    for (const [key, value] of this.#values) bytes += key.length + value.length;
    return bytes;
  }

  #sortedKeys(): readonly string[] {
    if (this.#added.size + this.#removed.size === 0) return this.#sorted;
    const staying = this.#removed.size === 0 ? this.#sorted : this.#sorted.filter((key) => !this.#removed.has(key));
    // Two sorted runs: the sort finds them and merges, in about one pass.
    this.#sorted = [...staying, ...[...this.#added].sort()].sort();
    this.#added.clear();
    this.#removed.clear();
    return this.#sorted;
  }
}

/** Index of the first key not below `bound`. */
function lowerBound(keys: readonly string[], bound: string): number {
  let low = 0;
  let high = keys.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if ((keys[middle] as string) < bound) low = middle + 1;
    else high = middle;
  }
  return low;
}
