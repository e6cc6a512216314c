/** The one way into the embedded log: changes of concurrent callers become one LevelDB write, synced once. */

import type { Level } from './databases.ts';
import type { FreeSpace } from './free-space.ts';
import type { LogIndex } from './log-index.ts';
import { GavelError, toGavelError } from '../../streams/errors.ts';
import { isDiskFull } from './databases.ts';
import { GroupWrite } from './group-write.ts';
import { logKey } from './keys.ts';

/** What one caller wants written, all or nothing. */
export interface Change<T> {
  /** About as many bytes as it writes. */
  readonly bytes: number;
  /** Whether its answer promises `durability`; cleaning does not. */
  readonly durable: boolean;
  /**
   * Called right before the write: the moment to check, to give offsets away and to stamp. Adds to the write and answers
   * what is to be done once it stands; where it throws only this change fails, and it must not have changed anything.
   */
  prepare(write: GroupWrite): () => T;
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

export interface LogWriterOptions {
  readonly log: Level;
  /** Whether durable changes are synced to the disk. */
  readonly fsync: boolean;
  readonly space: FreeSpace;
}

/** Bytes that are merged into one write at most (a single change may be larger). */
const GROUP_BYTES_MAX = 8_388_608;

export class LogWriter {
  readonly #options: LogWriterOptions;
  #index: LogIndex | undefined;
  #sequence = 0;
  #queue: Waiting[] = [];
  #running: Promise<void> | undefined;
  /** After a failed write LevelDB's own log may end in half a record, and what it took after that would be lost. */
  #failure: GavelError | undefined;
  #closed = false;

  constructor(options: LogWriterOptions) {
    this.#options = options;
  }

  /** Begins at a sequence, telling the index of every write. */
  open(index: LogIndex, sequence: number): void {
    this.#index = index;
    this.#sequence = sequence;
  }

  /** Writes a change, in the order of the calls. @throws GavelError `STORAGE_FULL`, `OUTCOME_UNKNOWN`, `BROKER_CLOSED` and its own. */
  submit<T>(change: Change<T>): Promise<T> {
    if (this.#closed) return Promise.reject(new GavelError('BROKER_CLOSED', 'the broker is closed'));
    return new Promise<T>((resolve, reject) => {
      this.#queue.push({ change, resolve: resolve as (answer: unknown) => void, reject });
      this.#running ??= this.#run();
    });
  }

  /** Makes all that was written survive a power cut, whatever `durability` says. */
  async sync(): Promise<void> {
    // The cheapest write there is: deleting what was never written, at the end, where it does not stand among old rows.
    await this.#options.log.del(logKey(this.#sequence), { sync: true });
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
    const write = new GroupWrite(this.#sequence);
    const prepared = this.#prepare(group, write);
    this.#sequence = write.sequence;
    const sync = this.#options.fsync && prepared.some(({ waiting }) => waiting.change.durable);
    try {
      if (!write.isEmpty) await write.write(this.#options.log, sync);
    } catch (error) {
      this.#failure = writeFailure(error);
      for (const { waiting } of prepared) waiting.reject(this.#failure);
      return;
    }
    this.#index?.add(write.indexRows(), write);
    for (const { waiting, apply } of prepared) waiting.resolve(apply());
    try {
      await this.#index?.keepUp();
    } catch (error) {
      this.#failure = writeFailure(error);
    }
  }

  #prepare(group: readonly Waiting[], write: GroupWrite): Prepared[] {
    const prepared: Prepared[] = [];
    for (const waiting of group) {
      try {
        if (this.#failure !== undefined) throw this.#failure;
        // What only makes room, or hardly takes any, is written to the last.
        if (waiting.change.durable && waiting.change.bytes > 0) this.#options.space.take(waiting.change.bytes);
        prepared.push({ waiting, apply: waiting.change.prepare(write) });
      } catch (error) {
        waiting.reject(toGavelError(error, 'OUTCOME_UNKNOWN', 'a change could not be written'));
      }
    }
    return prepared;
  }
}

function writeFailure(error: unknown): GavelError {
  const cause = error instanceof Error ? error.cause : undefined;
  const text = [error, cause].map((e) => (e instanceof Error ? e.message : '')).join(' ');
  if (isDiskFull(text)) {
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
