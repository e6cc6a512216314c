/** The one way into the embedded log: changes of concurrent callers become one LevelDB write, synced once. */

import type { LogLevel } from './disk-reads.ts';
import type { FreeSpace } from './free-space.ts';
import { GavelError, toGavelError } from '../../streams/errors.ts';

export type Operation =
  | { readonly type: 'put'; readonly key: Buffer; readonly value: Buffer }
  | { readonly type: 'del'; readonly key: Buffer };

/** What one caller wants written, all or nothing. */
export interface Change<T> {
  /** About as many bytes as it writes. */
  readonly bytes: number;
  /** Whether its answer promises `durability`; cleaning does not. */
  readonly durable: boolean;
  /**
   * Called right before the write: the moment to check, to give offsets away and to stamp. Adds to `operations` and
   * answers what is to be done once they stand; where it throws only this change fails, and it must not have changed anything.
   */
  prepare(operations: Operation[]): () => T;
}

interface Waiting {
  readonly change: Change<unknown>;
  readonly resolve: (answer: unknown) => void;
  readonly reject: (error: GavelError) => void;
}

interface Prepared {
  readonly apply: () => unknown;
  readonly waiting: Waiting;
}

/** Bytes that are merged into one write at most (a single change may be larger). */
const GROUP_BYTES_MAX = 8_388_608;

export class LogWriter {
  readonly #db: LogLevel;
  readonly #fsync: boolean;
  readonly #space: FreeSpace;
  #queue: Waiting[] = [];
  #running: Promise<void> | undefined;
  /** After a failed write LevelDB's own log may end in half a record, and what it took after that would be lost. */
  #failure: GavelError | undefined;
  #closed = false;

  constructor(db: LogLevel, fsync: boolean, space: FreeSpace) {
    this.#db = db;
    this.#fsync = fsync;
    this.#space = space;
  }

  /** Writes a change, in the order of the calls. @throws GavelError `STORAGE_FULL`, `OUTCOME_UNKNOWN`, `BROKER_CLOSED` and its own. */
  submit<T>(change: Change<T>): Promise<T> {
    if (this.#closed) return Promise.reject(new GavelError('BROKER_CLOSED', 'the broker is closed'));
    return new Promise<T>((resolve, reject) => {
      this.#queue.push({ change, resolve: resolve as (answer: unknown) => void, reject });
      this.#running ??= this.#run();
    });
  }

  /** Waits for what was submitted; takes nothing more. */
  async close(): Promise<void> {
    this.#closed = true;
    await this.#running;
  }

  async #run(): Promise<void> {
    await Promise.resolve(); // callers of the same moment share the write
    while (this.#queue.length > 0) await this.#writeGroup(this.#nextGroup());
    this.#running = undefined;
  }

  #nextGroup(): Waiting[] {
    let bytes = 0;
    let size = 0;
    for (const { change } of this.#queue) {
      bytes += change.bytes;
      if (size > 0 && bytes > GROUP_BYTES_MAX) break;
      size++;
    }
    return this.#queue.splice(0, size);
  }

  async #writeGroup(group: readonly Waiting[]): Promise<void> {
    const operations: Operation[] = [];
    const prepared = this.#prepare(group, operations);
    if (prepared.length === 0) return;
    const sync = this.#fsync && prepared.some(({ waiting }) => waiting.change.durable);
    try {
      if (operations.length > 0) await this.#db.batch(operations, { sync });
    } catch (error) {
      this.#failure = writeFailure(error);
      for (const { waiting } of prepared) waiting.reject(this.#failure);
      return;
    }
    for (const { waiting, apply } of prepared) waiting.resolve(apply());
  }

  #prepare(group: readonly Waiting[], operations: Operation[]): Prepared[] {
    const prepared: Prepared[] = [];
    for (const waiting of group) {
      try {
        if (this.#failure !== undefined) throw this.#failure;
        // What only makes room, or hardly takes any, is written to the last.
        if (waiting.change.durable && waiting.change.bytes > 0) this.#space.take(waiting.change.bytes);
        prepared.push({ waiting, apply: waiting.change.prepare(operations) });
      } catch (error) {
        waiting.reject(toGavelError(error, 'OUTCOME_UNKNOWN', 'a change could not be written'));
      }
    }
    return prepared;
  }
}

function writeFailure(error: unknown): GavelError {
  const text =
    error instanceof Error ? `${error.message} ${String((error.cause as Error | undefined)?.message ?? '')}` : '';
  if (/no space left|file too large|quota exceeded/i.test(text)) {
    return new GavelError('STORAGE_FULL', `the log could not be written, its disk is full: ${text}`, {
      cause: error,
      hint: 'Make room, then start again: nothing was written in part.',
    });
  }
  return new GavelError('OUTCOME_UNKNOWN', `the log could not be written: ${text}`, {
    cause: error,
    hint: 'The disk failed: check it, then start again. No more is written until then.',
  });
}
