/** The state port on LevelDB: one database per task, which is how a Gavel application keeps its state. */
import { readdir, rm, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { ClassicLevel } from 'classic-level';
import type { ChainedBatch, Iterator } from 'classic-level';
import { GavelError } from '../streams/errors.ts';
import type { KeyRange, StateBackend, StorageBatch, StorageIterator, TaskStorage } from '../streams/state.ts';
import { findDamage } from './level-damage.ts';
import { corruptState, isMissing, levelError } from './level-errors.ts';
import { isTaskName, requireTaskName } from './task-name.ts';

/** Options of `levelState`. All sizes are per task: an instance with 12 tasks has 12 of each. */
export interface LevelStateOptions {
  /**
   * Directory with one LevelDB per task, made when missing. A local disk, not a network share: LevelDB maps its files
   * into memory and relies on `fcntl` locks.
   */
  readonly directory: string;
  /**
   * Bytes of the newest writes kept in memory before they become a table file; at most twice as much is held.
   * Default 8 MiB: 300,000 random updates/s over 300,000 keys, where 4 MiB did 230,000 and stalled four times as long.
   * Larger: fewer compactions still, but a longer opening, since the log is as long as the buffer.
   */
  readonly writeBufferBytes?: number;
  /**
   * Bytes of table blocks kept unpacked in memory. Default 8 MiB.
   * Larger: when the keys read in a second no longer fit and `get` has to unpack a block each time.
   */
  readonly cacheBytes?: number;
  /**
   * Table files held open. Default 500, at about 2 MiB each.
   * Smaller: with many tasks under a low limit of open files (`ulimit -n`). At least 74.
   */
  readonly maxOpenFiles?: number;
  /**
   * Snappy compression of table blocks. Default true. Without it a `get` beside the cache takes half the time (3.7
   * against 6.8 µs) and the disk holds 1.6 times as much: for values that are packed already, or disk to spare.
   */
  readonly compression?: boolean;
}

const DEFAULTS = Object.freeze({
  writeBufferBytes: 8 * 1024 * 1024,
  cacheBytes: 8 * 1024 * 1024,
  maxOpenFiles: 500,
  compression: true,
} satisfies Omit<LevelStateOptions, 'directory'>);

/** LevelDB moves what is outside of these to the nearest bound without a word. */
const BOUNDS = Object.freeze({
  writeBufferBytes: [64 * 1024, 1024 ** 3],
  cacheBytes: [0, 2 ** 32 - 1],
  maxOpenFiles: [74, 50_000],
} as const);

/** Entries and bytes one call of an iterator may carry: it makes them on the event loop, about a millisecond's worth. */
const ITERATOR_ENTRIES_MAX = 2_000;
const ITERATOR_BYTES_MAX = 256 * 1024;

/** State in LevelDB, one database per task under `options.directory`. */
export function levelState(options: LevelStateOptions): StateBackend {
  return new LevelState(validated(options));
}

type Database = ClassicLevel<Buffer, Buffer>;

class LevelState implements StateBackend {
  readonly #options: Required<LevelStateOptions>;

  constructor(options: Required<LevelStateOptions>) {
    this.#options = options;
  }

  async open(task: string): Promise<TaskStorage> {
    requireTaskName(task);
    const { writeBufferBytes, cacheBytes, maxOpenFiles, compression } = this.#options;
    const directory = join(this.#options.directory, task);
    try {
      // Before LevelDB sees the store: opening would write over what shows the damage.
      const damage = await findDamage(directory);
      if (damage !== undefined) throw corruptState(`state of task ${task}, opening: ${damage}`);
      const database: Database = new ClassicLevel(directory, {
        keyEncoding: 'buffer',
        valueEncoding: 'buffer',
        writeBufferSize: writeBufferBytes,
        cacheSize: cacheBytes,
        maxOpenFiles,
        compression,
      });
      await database.open();
      return new LevelStorage(task, database);
    } catch (error) {
      throw levelError(error, `state of task ${task}, opening`);
    }
  }

  async destroy(task: string): Promise<void> {
    requireTaskName(task);
    const directory = join(this.#options.directory, task);
    try {
      // Takes the lock first, so a store in use is not pulled from under its owner.
      await ClassicLevel.destroy(directory);
      await rm(directory, { recursive: true, force: true });
    } catch (error) {
      throw levelError(error, `state of task ${task}, destroying`);
    }
  }

  async list(): Promise<readonly string[]> {
    const { directory } = this.#options;
    try {
      const entries = await readdir(directory, { withFileTypes: true });
      return entries
        .filter((entry) => entry.isDirectory() && isTaskName(entry.name))
        .map((entry) => entry.name)
        .sort();
    } catch (error) {
      if (isMissing(error)) return [];
      throw levelError(error, `state in ${directory}, listing`);
    }
  }
}

class LevelStorage implements TaskStorage {
  readonly #task: string;
  readonly #database: Database;
  #lastWrite: Promise<void> = Promise.resolve();
  #writeFailure: GavelError | undefined;
  #closing: Promise<void> | undefined;

  constructor(task: string, database: Database) {
    this.#task = task;
    this.#database = database;
  }

  get(key: Buffer): Buffer | undefined {
    try {
      return this.#database.getSync(key);
    } catch (error) {
      throw this.#error(error, 'reading');
    }
  }

  iterate(range: KeyRange): StorageIterator {
    this.#requireOpen();
    const { gte, lt, reverse = false } = range;
    const native = this.#database.iterator({ gte, lt, reverse, highWaterMarkBytes: ITERATOR_BYTES_MAX });
    return new LevelIterator(native, (error) => this.#error(error, 'scanning'));
  }

  batch(): StorageBatch {
    this.#requireOpen();
    return new LevelBatch(this.#database.batch(), (native) => this.#write(native));
  }

  async size(): Promise<number> {
    this.#requireOpen();
    const { location } = this.#database;
    try {
      const sizes = (await readdir(location)).map((name) => fileBytes(join(location, name)));
      return (await Promise.all(sizes)).reduce((sum, bytes) => sum + bytes, 0);
    } catch (error) {
      throw this.#error(error, 'measuring');
    }
  }

  close(): Promise<void> {
    this.#closing ??= this.#close();
    return this.#closing;
  }

  async #close(): Promise<void> {
    // Batches that wait for their turn first: closing the database would drop them.
    await this.#lastWrite;
    try {
      await this.#database.close();
    } catch (error) {
      throw this.#error(error, 'closing');
    }
  }

  /**
   * One after another in the order of the calls, as the threads that carry them out keep none; and none after one
   * that failed, since what is behind the torn end of LevelDB's log is lost when it is next opened.
   */
  #write(native: NativeBatch): Promise<void> {
    this.#requireOpen();
    const written = this.#lastWrite.then(async () => {
      if (this.#writeFailure !== undefined) throw this.#writeFailure;
      try {
        // No fsync. The log of the broker decides what happened and is durable before this batch is begun, so the
        // newest batches, when a power cut takes them, are restored from the changelog, from the position in the last
        // one left. A hole further back is found on opening (level-damage.ts).
        await native.write();
      } catch (error) {
        this.#writeFailure = this.#error(error, 'writing');
        throw this.#writeFailure;
      }
    });
    this.#lastWrite = written.catch(() => undefined); // its caller has the error
    return written;
  }

  #requireOpen(): void {
    if (this.#closing === undefined) return;
    throw new GavelError('ILLEGAL_STATE', `state of task ${this.#task}: the store is closed`);
  }

  #error(error: unknown, doing: string): GavelError {
    return levelError(error, `state of task ${this.#task}, ${doing}`);
  }
}

type NativeBatch = ChainedBatch<Database, Buffer, Buffer>;

/**
 * On a chained batch, which copies each operation into LevelDB's format at once: that takes the event loop 0.45 µs a
 * row of 160 bytes (1.2 for an array of operations) and spreads it over the puts. For an *empty* key or value
 * classic-level 3.0 never frees the 32 bytes it takes: rows that are written for ever should have a byte in them.
 */
class LevelBatch implements StorageBatch {
  readonly #native: NativeBatch;
  readonly #write: (native: NativeBatch) => Promise<void>;
  #used = false;

  constructor(native: NativeBatch, write: (native: NativeBatch) => Promise<void>) {
    this.#native = native;
    this.#write = write;
  }

  get size(): number {
    return this.#native.length;
  }

  put(key: Buffer, value: Buffer): void {
    this.#requireUnused();
    this.#native.put(key, value);
  }

  delete(key: Buffer): void {
    this.#requireUnused();
    this.#native.del(key);
  }

  async write(): Promise<void> {
    this.#requireUnused();
    this.#used = true;
    await this.#write(this.#native);
  }

  async discard(): Promise<void> {
    if (this.#used) return;
    this.#used = true;
    await this.#native.close();
  }

  #requireUnused(): void {
    if (!this.#used && this.#native.db.status === 'open') return;
    throw new GavelError('ILLEGAL_STATE', 'the batch is used up, or its store is closed');
  }
}

class LevelIterator implements StorageIterator {
  readonly #native: Iterator<Database, Buffer, Buffer>;
  readonly #error: (error: unknown) => GavelError;

  constructor(native: Iterator<Database, Buffer, Buffer>, error: (error: unknown) => GavelError) {
    this.#native = native;
    this.#error = error;
  }

  async next(limit: number): Promise<readonly (readonly [key: Buffer, value: Buffer])[]> {
    try {
      return await this.#native.nextv(Math.min(limit, ITERATOR_ENTRIES_MAX));
    } catch (error) {
      throw this.#error(error);
    }
  }

  close(): Promise<void> {
    return this.#native.close();
  }
}

/** LevelDB removes files at any moment. */
async function fileBytes(path: string): Promise<number> {
  try {
    return (await stat(path)).size;
  } catch (error) {
    if (isMissing(error)) return 0;
    throw error;
  }
}

function validated(options: LevelStateOptions): Required<LevelStateOptions> {
  const known = ['directory', ...Object.keys(DEFAULTS)];
  for (const name of Object.keys(options)) {
    if (!known.includes(name)) throw invalid(`unknown option '${name}'`, `Known options: ${known.join(', ')}.`);
  }
  if (options.directory === '') throw invalid('directory is empty', 'Name a directory on a local disk.');
  const all = { ...DEFAULTS, ...options };
  for (const name of ['writeBufferBytes', 'cacheBytes', 'maxOpenFiles'] as const) {
    const [least, most] = BOUNDS[name];
    if (Number.isInteger(all[name]) && all[name] >= least && all[name] <= most) continue;
    throw invalid(`${name} is ${all[name]}`, `Give a whole number from ${least} to ${most}.`);
  }
  return all;
}

function invalid(what: string, hint: string): GavelError {
  return new GavelError('OPTION_INVALID', `levelState: ${what}`, { hint });
}
