/** The tasks of an instance and what their open epoch has made: processed in slices, committed and rolled back as one. */

import { EpochMetrics } from './metrics.ts';
import type { Settings } from './options.ts';
import { OutputBuffer } from './output-buffer.ts';
import type { RunningTask } from './running-task.ts';

/** Milliseconds that processing may keep the event loop. */
const SLICE_MS = 10;
/** Records of one task before the next one has its turn: as many as a slice takes, so that its rows stay in the processor's cache. */
const ROUND_RECORDS = 4_096;
/** Records between two looks at the time and at the size of the epoch. */
const CHECK_RECORDS = 64;

export class TaskSet {
  readonly outputs = new OutputBuffer();
  readonly metrics: EpochMetrics;
  /** Milliseconds of the longest stretch of processing without a yield. */
  longestStretchMs = 0;
  readonly #settings: Settings;
  readonly #tasks = new Map<string, RunningTask>();
  /** Counts the rounds: whose turn it is. */
  #turn = 0;

  constructor(settings: Settings) {
    this.#settings = settings;
    this.metrics = new EpochMetrics(settings.metrics);
  }

  get ids(): readonly string[] {
    return [...this.#tasks.keys()];
  }

  [Symbol.iterator](): Iterator<RunningTask> {
    return this.#tasks.values();
  }

  get(id: string): RunningTask | undefined {
    return this.#tasks.get(id);
  }

  add(task: RunningTask): void {
    this.#tasks.set(task.id, task);
  }

  /** Takes tasks out and closes their processors; answers them, for their storage is the caller's to close. */
  detach(ids: readonly string[]): readonly RunningTask[] {
    const detached = ids.map((id) => this.#tasks.get(id)).filter((task) => task !== undefined);
    for (const task of detached) {
      this.#tasks.delete(task.id);
      task.task.close();
    }
    return detached;
  }

  /** True where the open epoch has something to commit. */
  get isDirty(): boolean {
    if (!this.outputs.isEmpty) return true; // of punctuations
    for (const task of this.#tasks.values()) if (task.isDirty) return true;
    return false;
  }

  /** True where the open epoch must be cut before more is processed. */
  get isFull(): boolean {
    if (this.outputs.bytes > this.#settings.stagedBytesMax) return true;
    let rows = 0;
    for (const { task } of this.#tasks.values()) {
      if (task.passedSkip) return true;
      rows += task.state.openRows;
    }
    return rows > this.#settings.stagedRowsMax;
  }

  /** Processes round by round, going on where the last slice ended, until nothing is left, the slice is over, or the epoch is full. True where anything was done. */
  async slice(): Promise<boolean> {
    const begin = performance.now();
    let progressed = await this.#punctuate();
    const tasks = [...this.#tasks.values()];
    const isOver = (): boolean => this.isFull || performance.now() - begin >= SLICE_MS;
    for (let idle = 0; idle < tasks.length && !isOver();) {
      const { task } = tasks[this.#turn++ % tasks.length] as RunningTask;
      idle++;
      task.roundOver = false;
      for (let i = 0; i < ROUND_RECORDS && !task.roundOver; i++) {
        const stepped = task.step();
        if (stepped !== true && (stepped === false || !(await stepped))) break;
        idle = 0;
        progressed = true;
        if (i % CHECK_RECORDS === CHECK_RECORDS - 1 && isOver()) break;
      }
    }
    this.#noteStretch(performance.now() - begin);
    return progressed;
  }

  /** Hands on what the epoch counted; called when it is cut. */
  cutMetrics(): void {
    this.metrics.count('records_produced_total', {}, this.outputs.records);
    for (const { task } of this.#tasks.values())
      this.metrics.count('records_processed_total', task.labels, task.takeProcessed());
    this.metrics.cut();
  }

  /** Drops the open epoch of every task; its records are processed again. */
  rollback(): void {
    for (const { task } of this.#tasks.values()) task.rollback();
    this.clear();
  }

  /** Drops what the open epoch has made. */
  clear(): void {
    this.outputs.clear();
    this.metrics.rollback();
  }

  /** When the next wall-clock punctuation is due, or a wait for an idle input ends; Infinity without one. */
  get nextDue(): number {
    let due = Infinity;
    for (const { task } of this.#tasks.values())
      due = Math.min(due, task.punctuations.next('wall-clock'), task.idleUntil);
    return due;
  }

  /** Semantics 24: a callback that never ends must not keep its task from everybody. */
  giveUpStuck(): void {
    for (const { task } of this.#tasks.values()) task.pending.giveUpAfter(this.#settings.sessionTimeoutMs / 2);
  }

  async #punctuate(): Promise<boolean> {
    const now = this.#settings.clock.now();
    let any = false;
    for (const { task } of this.#tasks.values()) {
      const ran = task.punctuate(now);
      any = (ran instanceof Promise ? await ran : ran) || any;
    }
    return any;
  }

  /** Semantics 24: who keeps the loop too long sends no heartbeats and loses its membership. */
  #noteStretch(ms: number): void {
    this.longestStretchMs = Math.max(this.longestStretchMs, ms);
    const { sessionTimeoutMs, listeners } = this.#settings;
    if (ms <= sessionTimeoutMs / 2) return;
    listeners.onWarning?.({
      code: 'SLOW_CALLBACK',
      message: `processing kept the loop for ${Math.round(ms)} ms, over half the session time-out of ${sessionTimeoutMs} ms: the group may take the tasks away`,
    });
  }
}
