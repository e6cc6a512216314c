/** The embedded log's background work, one job after the other: retention, compaction, and removing what was deleted. */

import { setTimeout as sleep } from 'node:timers/promises';
import type { Clock, Timer } from '../../streams/time.ts';
import type { GavelError } from '../../streams/errors.ts';
import type { LogLevel } from './disk-reads.ts';
import type { EmbeddedLog } from './log.ts';
import type { Partition } from './partition.ts';
import type { LogWriter } from './writer.ts';
import { isGavelError, toGavelError } from '../../streams/errors.ts';
import { readHeader } from '../../streams/record-batch/index.ts';
import { compactPartition } from './compaction-pass.ts';
import { readStored } from './disk-reads.ts';
import { batchesOf, deletedRowKey, partitionRowsOf, rowsOf, topicNumberOf } from './keys.ts';

export interface CleanerOptions {
  readonly db: LogLevel;
  readonly log: EmbeddedLog;
  readonly writer: LogWriter;
  readonly clock: Clock;
  /** Milliseconds between two looks for expired records. */
  readonly retentionCheckMs: number;
  /** Bytes appended to a partition before compaction looks at it. */
  readonly compactAfterBytes: number;
  readonly compactionKeysMax: number;
  /** A job failed; the partition is left alone from then on. */
  readonly onError: (error: GavelError) => void;
}

type Job = () => Promise<void>;

/** Bytes of batches looked at in one go. */
const SLICE_BYTES = 262_144;
/** Rest after a slice, in multiples of the time it took, so that cleaning never has more than a third of the loop. */
const REST_FACTOR = 2;

export class Cleaner {
  readonly #options: CleanerOptions;
  readonly #jobs: Job[] = [];
  /** Partitions that wait for compaction, or are in it. */
  readonly #compacting = new Set<Partition>();
  #running: Promise<void> | undefined;
  #timer: Timer | undefined;
  #closed = false;
  #sliceStart = 0;

  constructor(options: CleanerOptions) {
    this.#options = options;
  }

  /** Takes up what a former run left undone, and looks for expired records from now on. */
  async start(): Promise<void> {
    for await (const key of this.#options.db.keys(rowsOf('d'))) this.removeTopic(topicNumberOf(key));
    for (const { logs } of this.#options.log.topics.values()) {
      for (const partition of logs) {
        if (partition.start > 0) this.trim(partition);
        this.compactIfDirty(partition);
      }
    }
    this.#checkRetention();
  }

  /** Removes the batches below the partition's start. */
  trim(partition: Partition): void {
    const { start, trimmedTo } = partition;
    this.#add(async () => {
      await this.#options.db.clear({ gte: partition.batchKey(trimmedTo), lt: partition.batchKey(start) });
      partition.trimmedTo = Math.max(partition.trimmedTo, start);
    });
  }

  /** Removes the batches of a deleted topic and the row that remembers it. */
  removeTopic(topicNumber: number): void {
    this.#add(async () => {
      await this.#options.db.clear(batchesOf(topicNumber));
      await this.#options.db.clear(partitionRowsOf(topicNumber));
      await this.#options.db.del(deletedRowKey(topicNumber));
    });
  }

  /** Compacts a partition in which more was appended than stayed of the last time. */
  compactIfDirty(partition: Partition): void {
    const { topic, dirtyBytes, cleanBytes, damaged } = partition;
    if (topic.config.cleanup !== 'compact' || damaged || this.#compacting.has(partition)) return;
    if (dirtyBytes <= Math.max(this.#options.compactAfterBytes, cleanBytes)) return;
    this.#compacting.add(partition);
    const { db, writer, clock, compactionKeysMax: maxKeys } = this.#options;
    this.#addFor(partition, async () => {
      try {
        const now = () => clock.now();
        await compactPartition(partition, { db, writer, maxKeys, now, pause: () => this.#rest(partition) });
      } finally {
        this.#compacting.delete(partition);
      }
      this.compactIfDirty(partition);
    });
  }

  /** Waits until nothing is left to do. */
  async idle(): Promise<void> {
    await this.#running;
  }

  /** Ends after the slice under way. */
  async close(): Promise<void> {
    this.#closed = true;
    this.#timer?.cancel();
    await this.#running;
  }

  #checkRetention(): void {
    if (this.#closed) return;
    for (const { logs, config } of this.#options.log.topics.values()) {
      if (config.cleanup !== 'delete' || config.retentionMs < 0) continue;
      for (const partition of logs) if (partition.end > partition.start) this.#expire(partition, config.retentionMs);
    }
    this.#timer = this.#options.clock.setTimer(this.#options.retentionCheckMs, () => this.#checkRetention());
  }

  /** Moves the start behind the batches whose newest record is too old. */
  #expire(partition: Partition, retentionMs: number): void {
    if (partition.damaged) return;
    this.#addFor(partition, async () => {
      const oldest = this.#options.clock.now() - retentionMs;
      const to = partition.end;
      let start = partition.start;
      for (let going = true; going && start < to; going &&= await this.#rest(partition)) {
        const stored = await readStored(this.#options.db, partition, { from: start, to }, SLICE_BYTES);
        const kept = stored.findIndex(({ bytes }) => readHeader(bytes).maxTimestamp >= oldest);
        const last = stored.at(kept === -1 ? stored.length - 1 : kept - 1);
        if (kept === 0 || last === undefined) break;
        start = last.last + 1;
        going = kept === -1;
      }
      if (start > partition.start && !partition.deleted) await this.moveStart([{ partition, offset: start }]);
    });
  }

  /** Drops what stands below; readers see it at once, the disk is freed later. */
  async moveStart(moves: readonly { readonly partition: Partition; readonly offset: number }[]): Promise<void> {
    await this.#options.writer.submit({
      bytes: 0,
      durable: true,
      prepare(operations) {
        for (const { partition, offset } of moves) {
          operations.push(partition.row({ start: Math.max(partition.start, offset) }));
        }
        return () => {
          for (const { partition, offset } of moves) {
            partition.start = Math.max(partition.start, offset);
            partition.notify();
          }
        };
      },
    });
    for (const { partition } of moves) this.trim(partition);
  }

  #addFor(partition: Partition, job: Job): void {
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
      this.#sliceStart = performance.now();
      try {
        await job();
      } catch (error) {
        if (!this.#closed) this.#options.onError(toGavelError(error, 'LOG_CORRUPT', 'the log could not be cleaned'));
      }
    }
    this.#running = undefined;
  }

  /** Leaves the loop to others for a while; false where the work has become pointless. */
  async #rest(partition: Partition): Promise<boolean> {
    await sleep((performance.now() - this.#sliceStart) * REST_FACTOR);
    this.#sliceStart = performance.now();
    return !this.#closed && !partition.deleted;
  }
}
