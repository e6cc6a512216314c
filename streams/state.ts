/**
 * The state port: one ordered bytes store per task, written only in atomic batches.
 * What the bytes mean (stores, positions, indexes) is the engine's affair.
 */

/** A range of keys in byte order. */
export interface KeyRange {
  /** First key, inclusive. */
  readonly gte: Buffer;
  /** End, exclusive. */
  readonly lt: Buffer;
  /** From the end backwards. Default false. */
  readonly reverse?: boolean;
}

/** Entries in key order, pinned at the moment `TaskStorage.iterate` was called: later writes are not seen. */
export interface StorageIterator {
  /** At most `limit` further entries; empty at the end. Not to be called again before it has answered. */
  next(limit: number): Promise<readonly (readonly [key: Buffer, value: Buffer])[]>;
  /** Frees the pin; call it in a `finally`. Closing twice is allowed. */
  close(): Promise<void>;
}

/** Writes that become visible and durable together, or not at all. */
export interface StorageBatch {
  /** Key and value are copied before this returns: the caller may reuse their buffers. */
  put(key: Buffer, value: Buffer): void;
  delete(key: Buffer): void;
  /** Number of operations so far. */
  readonly size: number;
  /**
   * Applies all of it atomically. The batch is used up after that.
   * @throws GavelError `STORAGE_FULL` when the disk has no room (nothing was applied), `STATE_CORRUPT`.
   */
  write(): Promise<void>;
  /** Drops it unwritten. */
  discard(): Promise<void>;
}

/** The bytes of one task. Keys are compared as unsigned bytes. */
export interface TaskStorage {
  /** Keeps no reference to `key`. The answer must not be changed. @throws GavelError `STATE_CORRUPT`. */
  get(key: Buffer): Buffer | undefined;
  iterate(range: KeyRange): StorageIterator;
  batch(): StorageBatch;
  /** Bytes on disk (an estimate), or in memory. */
  size(): Promise<number>;
  /** Waits for batches under way and closes iterators that are still open. Closing twice is allowed. */
  close(): Promise<void>;
}

/** Where the tasks of one application instance keep their state. */
export interface StateBackend {
  /**
   * Opens the store of a task, creating it if need be.
   * @param task a name of letters, digits, `-`, `_` and `.`, e.g. `judge-2`
   * @throws GavelError `STATE_CORRUPT` (call `destroy`, then `open`), `STATE_LOCKED` (another process has it).
   */
  open(task: string): Promise<TaskStorage>;
  /** Removes the store of a closed task with all it holds. Removing a missing one is allowed. */
  destroy(task: string): Promise<void>;
  /** Tasks that have a store here, sorted. */
  list(): Promise<readonly string[]>;
}
