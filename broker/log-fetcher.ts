/** The fetcher of logs in this process: gives what is in memory when it is asked, loads the rest ahead. */

import type { FetchedPartition, Fetcher, FetcherOptions } from '../streams/broker.ts';
import { partitionKey } from '../streams/broker.ts';
import { toGavelError } from '../streams/errors.ts';
import type { GavelError } from '../streams/errors.ts';

export const FETCH_BYTES_DEFAULT = 1_048_576;

/** What stands in a log from an offset on; see `FetchedPartition`. */
export interface LogRead {
  readonly batches: readonly Buffer[];
  readonly position: number;
  readonly lastStableOffset: number;
}

/** Where to read: at most about `maxBytes`, at least one batch. */
export interface ReadRequest {
  readonly topic: string;
  readonly partition: number;
  readonly offset: number;
  readonly maxBytes: number;
}

/** Logs as the fetcher sees them: read committed. */
export interface LogSource {
  /** Whether `peek` would answer, be it with an error. */
  inMemory(topic: string, partition: number, offset: number): boolean;
  /** What memory holds at the offset, undefined where it must be loaded. @throws GavelError `OFFSET_OUT_OF_RANGE`, `TOPIC_UNKNOWN`. */
  peek(request: ReadRequest): LogRead | undefined;
  /** The same from wherever it is; rejects with `LOG_CORRUPT` too. */
  load(request: ReadRequest): Promise<LogRead>;
  /** Calls `listener` whenever a read of the partition could answer anew. Answers how to stop that. */
  watch(topic: string, partition: number, listener: () => void): () => void;
}

interface Assigned {
  readonly topic: string;
  readonly partition: number;
  readonly unwatch: () => void;
  offset: number;
  paused: boolean;
  loading: boolean;
  loaded: LogRead | GavelError | undefined;
  /** The log moved on since `loaded` was asked for. */
  outdated: boolean;
  /** Nothing was delivered yet: the first answer tells the end of the log, even where it brings no data. */
  first: boolean;
}

/** At most one read per partition waits to be taken, so what waits is bounded by `maxBytesPerPartition`. */
export class LogFetcher implements Fetcher {
  readonly #source: LogSource;
  readonly #maxBytes: number;
  readonly #onReady: () => void;
  readonly #onClose: () => void;
  readonly #assigned = new Map<string, Assigned>();
  /** Partitions that the next poll looks at. */
  readonly #due = new Set<Assigned>();
  #announced = false;

  constructor(source: LogSource, options: FetcherOptions = {}, onClose: () => void = () => {}) {
    this.#source = source;
    this.#maxBytes = options.maxBytesPerPartition ?? FETCH_BYTES_DEFAULT;
    this.#onReady = options.onReady ?? (() => {});
    this.#onClose = onClose;
  }

  /** Whether the next poll has something to look at. */
  get due(): boolean {
    return this.#due.size > 0;
  }

  assign(topic: string, partition: number, offset: number): void {
    this.unassign(topic, partition);
    const unwatch = this.#source.watch(topic, partition, () => {
      assigned.outdated = true;
      this.#advance(assigned);
    });
    const assigned: Assigned = {
      topic,
      partition,
      unwatch,
      offset,
      paused: false,
      loading: false,
      loaded: undefined,
      outdated: false,
      first: true,
    };
    this.#assigned.set(partitionKey(topic, partition), assigned);
    this.#advance(assigned);
  }

  unassign(topic: string, partition: number): void {
    const key = partitionKey(topic, partition);
    const assigned = this.#assigned.get(key);
    if (assigned === undefined) return;
    assigned.unwatch();
    this.#assigned.delete(key);
    this.#due.delete(assigned);
  }

  pause(topic: string, partition: number): void {
    const assigned = this.#assigned.get(partitionKey(topic, partition));
    if (assigned === undefined) return;
    assigned.paused = true;
    this.#due.delete(assigned);
  }

  resume(topic: string, partition: number): void {
    const assigned = this.#assigned.get(partitionKey(topic, partition));
    if (assigned === undefined || !assigned.paused) return;
    assigned.paused = false;
    this.#advance(assigned);
  }

  poll(): readonly FetchedPartition[] {
    const fetched: FetchedPartition[] = [];
    const due = [...this.#due];
    this.#due.clear();
    for (const assigned of due) {
      const read = this.#take(assigned);
      if (read === undefined) continue;
      const { topic, partition, offset: from } = assigned;
      if (!('batches' in read)) {
        this.unassign(topic, partition);
        fetched.push({ topic, partition, batches: [], from, position: from, lastStableOffset: -1, error: read });
        continue;
      }
      const { batches, position, lastStableOffset } = read;
      const news = assigned.first || position > from;
      assigned.offset = position;
      assigned.first = false;
      if (news) fetched.push({ topic, partition, batches, from, position, lastStableOffset });
      if (assigned.outdated || position < lastStableOffset) this.#advance(assigned);
    }
    return fetched;
  }

  close(): Promise<void> {
    for (const { topic, partition } of this.#assigned.values()) this.unassign(topic, partition);
    this.#onClose();
    return Promise.resolve();
  }

  #take(assigned: Assigned): LogRead | GavelError | undefined {
    const loaded = assigned.loaded;
    assigned.loaded = undefined;
    if (loaded !== undefined) return loaded;
    assigned.outdated = false;
    try {
      const read = this.#source.peek(this.#request(assigned));
      if (read === undefined) this.#load(assigned);
      return read;
    } catch (error) {
      return toGavelError(error, 'LOG_CORRUPT', 'a log cannot be read');
    }
  }

  /** Something may be there: from memory it is read at the poll, else it is loaded now. */
  #advance(assigned: Assigned): void {
    if (assigned.paused || assigned.loading) return;
    const { topic, partition, offset, loaded } = assigned;
    if (loaded === undefined && !this.#source.inMemory(topic, partition, offset)) return this.#load(assigned);
    this.#due.add(assigned);
    this.#announce();
  }

  #load(assigned: Assigned): void {
    assigned.loading = true;
    assigned.outdated = false;
    const finish = (loaded: LogRead | GavelError): void => {
      assigned.loading = false;
      if (this.#assigned.get(partitionKey(assigned.topic, assigned.partition)) !== assigned) return;
      assigned.loaded = loaded;
      this.#advance(assigned);
    };
    this.#source.load(this.#request(assigned)).then(finish, (error: unknown) => {
      finish(toGavelError(error, 'LOG_CORRUPT', 'a log cannot be read'));
    });
  }

  #request({ topic, partition, offset }: Assigned): ReadRequest {
    return { topic, partition, offset, maxBytes: this.#maxBytes };
  }

  /** Later than now, for `poll` itself may be under way. */
  #announce(): void {
    if (this.#announced) return;
    this.#announced = true;
    queueMicrotask(() => {
      this.#announced = false;
      if (this.#due.size > 0) this.#onReady();
    });
  }
}
