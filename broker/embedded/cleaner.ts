/** The embedded log's background work, one job after the other: retention, compaction, and removing what was deleted. */

import type { GavelError } from '../../streams/errors.ts';
import type { Clock, Timer } from '../../streams/time.ts';
import type { Databases } from './databases.ts';
import type { LogIndex } from './log-index.ts';
import type { LogReader } from './log-reader.ts';
import type { EmbeddedLog } from './log.ts';
import type { Partition } from './partition.ts';
import type { LogWriter } from './writer.ts';
import { isGavelError, toGavelError } from '../../streams/errors.ts';
import { compactPartition } from './compaction-pass.ts';
import {
  batchOwnerOf,
  batchPlaceOf,
  batchRowKey,
  deletedRowKey,
  journalSequenceOf,
  logKey,
  partitionRowKey,
  rowsOf,
  textOf,
} from './keys.ts';

export interface CleanerOptions {
  readonly databases: Databases;
  readonly log: EmbeddedLog;
  readonly index: LogIndex;
  readonly reader: LogReader;
  readonly writer: LogWriter;
  readonly clock: Clock;
  /** Milliseconds between two looks for expired and deleted records. */
  readonly retentionCheckMs: number;
  /** Bytes appended to a partition before compaction looks at it. */
  readonly compactAfterBytes: number;
  readonly compactionKeysMax: number;
  /** A job failed; a damaged partition is left alone from then on. */
  readonly onError: (error: GavelError) => void;
}

type Job = () => Promise<void>;

/** Rows of the index that one write removes at most. */
const REMOVED_ROWS_MAX = 1024;
/** Dead bytes that are worth giving their room free, if there are as many as living ones. */
const DEAD_BYTES_MIN = 67_108_864;
/** Bytes of the log that LevelDB compacts in one go: closing has to wait for it. */
const RECLAIM_BYTES = 134_217_728;
/** Journals that are worth a write to remove them. */
const JOURNALS_MIN = 100;

export class Cleaner {
  readonly #options: CleanerOptions;
  readonly #jobs: Job[] = [];
  /** Partitions that wait for compaction, or are in it. */
  readonly #compacting = new Set<Partition>();
  #running: Promise<void> | undefined;
  #timer: Timer | undefined;
  #closed = false;

  constructor(options: CleanerOptions) {
    this.#options = options;
  }

  /** Finds out how much there is to compact, takes up what a former run left undone, and goes on regularly. */
  start(): void {
    for (const partition of this.#partitions('compact')) this.#addFor(partition, () => this.#measure(partition));
    this.#look();
  }

  /** Does everything now. */
  async clean(): Promise<void> {
    await this.#running; // what began before may not see what came since
    for (const partition of this.#partitions('compact')) {
      if (partition.cleanedTo < partition.end) this.#compact(partition);
    }
    this.#addAll();
    await this.#running;
  }

  /** Ends after the slice under way. */
  async close(): Promise<void> {
    this.#closed = true;
    this.#timer?.cancel();
    await this.#running;
  }

  /** Drops what stands below; readers see it at once, the disk is freed later. */
  moveStart(moves: readonly { readonly partition: Partition; readonly offset: number }[]): Promise<void> {
    return this.#options.writer.submit({
      bytes: 0,
      durable: true,
      prepare(write) {
        for (const { partition, offset } of moves) {
          write.putRows(partition.row({ start: Math.max(partition.start, offset) }));
        }
        return () => {
          for (const { partition, offset } of moves) {
            partition.start = Math.max(partition.start, offset);
            partition.notify();
          }
        };
      },
    });
  }

  /** Compacts a partition in which more was appended than stayed of the last time. */
  compactIfDirty(partition: Partition): void {
    const { topic, dirtyBytes, cleanBytes } = partition;
    if (topic.config.cleanup !== 'compact') return;
    if (dirtyBytes > Math.max(this.#options.compactAfterBytes, cleanBytes)) this.#compact(partition);
  }

  #compact(partition: Partition): void {
    if (partition.damaged || this.#compacting.has(partition)) return;
    this.#compacting.add(partition);
    const { compactionKeysMax: maxKeys, clock } = this.#options;
    this.#addFor(partition, async () => {
      const { end, dirtyBytes } = partition;
      const pass = {
        ...this.#options,
        maxKeys,
        now: () => clock.now(),
        wanted: () => !this.#closed && !partition.deleted,
      };
      try {
        for (let going = true; going && partition.cleanedTo < end;) going = await compactPartition(partition, pass);
        partition.dirtyBytes -= dirtyBytes;
        await this.#reclaim();
      } finally {
        this.#compacting.delete(partition);
      }
      this.compactIfDirty(partition);
    });
  }

  #look(): void {
    if (this.#closed) return;
    this.#addAll();
    this.#timer = this.#options.clock.setTimer(this.#options.retentionCheckMs, () => this.#look());
  }

  /** Removing comes in large steps, seldom: rows deleted among old ones cost LevelDB a merge. */
  #addAll(): void {
    for (const partition of this.#partitions('delete')) {
      const { retentionMs } = partition.topic.config;
      if (retentionMs >= 0 && partition.end > partition.start) {
        this.#addFor(partition, () => this.#expire(partition, retentionMs));
      }
    }
    for (const partition of [...this.#partitions('delete'), ...this.#partitions('compact')]) {
      if (partition.end > 0) this.#addFor(partition, () => this.#trim(partition));
    }
    for (const partition of this.#partitions('compact')) this.compactIfDirty(partition);
    this.#add(() => this.#removeTopics());
    this.#add(() => this.#removeJournals());
    this.#add(() => this.#reclaim());
  }

  #partitions(cleanup: 'delete' | 'compact'): Partition[] {
    const topics = [...this.#options.log.topics.values()].filter(({ config }) => config.cleanup === cleanup);
    return topics.flatMap(({ logs }) => logs);
  }

  async #measure(partition: Partition): Promise<void> {
    for (let from = partition.cleanedTo; from < partition.end;) {
      const places = await this.#options.index.places(partition, from, partition.end);
      for (const { bytes } of places) partition.dirtyBytes += bytes;
      from = (places.at(-1)?.last ?? partition.end - 1) + 1;
    }
    this.compactIfDirty(partition);
  }

  /** Moves the start behind the batches whose newest record is too old. */
  async #expire(partition: Partition, retentionMs: number): Promise<void> {
    const { index, clock } = this.#options;
    const oldest = clock.now() - retentionMs;
    const end = partition.end;
    await index.flush();
    let start = partition.start;
    for (let places = await index.places(partition, start, end); places.length > 0;) {
      const kept = places.findIndex(({ maxTimestamp }) => maxTimestamp >= oldest);
      const expired = places.at(kept === -1 ? -1 : kept - 1);
      if (kept === 0 || expired === undefined) break;
      start = expired.last + 1;
      places = kept === -1 ? await index.places(partition, start, end) : [];
    }
    if (start > partition.start && !partition.deleted) await this.moveStart([{ partition, offset: start }]);
  }

  /** Removes the batches below the partition's start. */
  async #trim(partition: Partition): Promise<void> {
    const { start, trimmedTo } = partition;
    if (start === trimmedTo) return;
    await this.#removeBatches(partition.rowKey(trimmedTo), partition.rowKey(start));
    partition.trimmedTo = start;
  }

  /** Removes the batches of deleted topics, and the rows that remember them. */
  async #removeTopics(): Promise<void> {
    const { databases, index, writer } = this.#options;
    await index.flush();
    for (const key of await databases.index.keys(rowsOf('d')).all()) {
      const number = Number(textOf(key));
      await this.#removeBatches(batchRowKey(number, 0, 0), batchRowKey(number + 1, 0, 0));
      const rows = { gte: partitionRowKey(number, 0), lt: partitionRowKey(number + 1, 0) };
      const keys = [deletedRowKey(number), ...(await databases.index.keys(rows).all())];
      await writer.submit({
        bytes: 0,
        durable: false,
        prepare(write) {
          write.putRows(...keys.map((row) => ({ key: row, value: null })));
          return () => undefined;
        },
      });
    }
  }

  /** Removes journals that are in the index from the log. */
  async #removeJournals(): Promise<void> {
    const { databases, writer } = this.#options;
    for (;;) {
      const keys = await databases.index.keys({ ...rowsOf('j'), limit: REMOVED_ROWS_MAX }).all();
      if (keys.length < JOURNALS_MIN || this.#closed) return;
      await writer.submit({
        bytes: 0,
        durable: false,
        prepare(write) {
          for (const key of keys) write.removeFromLog(logKey(journalSequenceOf(key)));
          write.putRows(...keys.map((key) => ({ key, value: null })));
          return () => undefined;
        },
      });
      await this.#options.index.flush();
    }
  }

  /** Removes the batches of which the index has rows in the range. */
  async #removeBatches(gte: Buffer, lt: Buffer): Promise<void> {
    const { databases, index, writer } = this.#options;
    await index.flush(); // only what the index has may be removed from the log
    for (let from = gte; !this.#closed;) {
      const rows = await databases.index.iterator({ gte: from, lt, limit: REMOVED_ROWS_MAX }).all();
      const last = rows.at(-1);
      if (last === undefined) return;
      await writer.submit({
        bytes: 0,
        durable: false,
        prepare(write) {
          for (const [key, value] of rows) {
            const { topicNumber, partition } = batchOwnerOf(key);
            write.removeBatch(topicNumber, partition, batchPlaceOf(key, value));
          }
          return () => undefined;
        },
      });
      from = Buffer.concat([last[0], Buffer.alloc(1)]);
    }
  }

  /** Has LevelDB drop what was removed. It would keep it for long, for the log's files never overlap. */
  async #reclaim(): Promise<void> {
    const { databases, index } = this.#options;
    const { deadBytes, flushedTo } = index;
    if (deadBytes < DEAD_BYTES_MIN) return;
    const bytes = await databases.log.approximateSize(logKey(0), logKey(flushedTo));
    if (deadBytes * 2 < bytes) return;
    const step = Math.ceil(flushedTo / Math.ceil(bytes / RECLAIM_BYTES));
    for (let from = 0; from < flushedTo; from += step) {
      if (this.#closed) return;
      await databases.log.compactRange(logKey(from), logKey(from + step));
    }
    index.deadBytes -= deadBytes;
  }

  #addFor(partition: Partition, job: Job): void {
    if (partition.damaged) return;
    this.#add(async () => {
      try {
        if (!partition.deleted) await job();
      } catch (error) {
        if (isGavelError(error, 'LOG_CORRUPT')) partition.damaged = true;
        throw error;
      }
    });
  }

  #add(job: Job): void {
    if (this.#closed) return;
    this.#jobs.push(job);
    this.#running ??= this.#run();
  }

  async #run(): Promise<void> {
    for (let job = this.#jobs.shift(); job !== undefined && !this.#closed; job = this.#jobs.shift()) {
      try {
        await job();
      } catch (error) {
        if (!this.#closed) this.#options.onError(toGavelError(error, 'LOG_CORRUPT', 'the log could not be cleaned'));
      }
    }
    this.#running = undefined;
  }
}
