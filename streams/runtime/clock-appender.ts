/** Appends clock records, so that what is due happens although no input comes (DESIGN.md, "Time"). */

import type { Producer } from '../broker.ts';
import { CLOCK_HEADER } from '../record.ts';
import { BatchWriter } from '../record-batch/index.ts';
import type { Clock } from '../time.ts';
import type { InputQueue } from './input-queue.ts';
import type { RunningTask } from './running-task.ts';

/** Milliseconds between two clock records of a partition. */
const INTERVAL_MS = 100;

interface PartitionClock {
  /** A request is under way. */
  appending: boolean;
  /** Offset of a clock record that was appended and not yet processed; -1 = none. */
  appended: number;
  /** Not to append before this time. */
  notBefore: number;
}

export class ClockAppender {
  readonly #producer: Producer;
  readonly #clock: Clock;
  readonly #onDone: (error?: unknown) => void;
  readonly #partitions = new WeakMap<RunningTask, PartitionClock>();
  #underWay = 0;

  /** @param onDone called when a request has ended */
  constructor(producer: Producer, clock: Clock, onDone: (error?: unknown) => void) {
    this.#producer = producer;
    this.#clock = clock;
    this.#onDone = onDone;
  }

  /** Requests that have not been answered. */
  get underWay(): number {
    return this.#underWay;
  }

  /** Appends where a task has something due that its partition has not reached. */
  run(tasks: Iterable<RunningTask>): void {
    const now = this.#clock.now();
    for (const task of tasks) if (this.#dueAt(task) <= now) this.#append(task);
  }

  /** When `run` will next have something to do; Infinity while only records can change that. */
  nextDue(tasks: Iterable<RunningTask>): number {
    let next = Infinity;
    for (const task of tasks) next = Math.min(next, this.#dueAt(task));
    return next;
  }

  #dueAt(task: RunningTask): number {
    const { nextWake } = task.task;
    if (nextWake === Infinity) return Infinity;
    const input = clockInput(task);
    if (input === undefined || !input.atEnd) return Infinity;
    const partition = this.#partitions.get(task);
    if (partition === undefined) return nextWake;
    if (partition.appending || input.position <= partition.appended) return Infinity;
    return Math.max(nextWake, partition.notBefore);
  }

  #append(task: RunningTask): void {
    const input = clockInput(task) as InputQueue;
    const wake = task.task.nextWake;
    const now = this.#clock.now();
    const partition: PartitionClock = { appending: true, appended: -1, notBefore: now + INTERVAL_MS };
    this.#partitions.set(task, partition);
    this.#underWay++;
    const batch = { topic: input.topic, partition: input.partition, ...clockBatch(now) };
    this.#producer.produce([batch]).then(
      ([produced]) => {
        this.#underWay--;
        partition.appending = false;
        partition.appended = produced?.baseOffset ?? -1;
        // The log's clock may be behind ours: then wait the difference.
        const stamp = produced?.timestamp ?? wake;
        if (stamp >= 0 && stamp < wake)
          partition.notBefore = Math.max(partition.notBefore, this.#clock.now() + (wake - stamp));
        this.#onDone();
      },
      (error: unknown) => {
        this.#underWay--;
        partition.appending = false;
        this.#onDone(error);
      },
    );
  }
}

function clockInput(task: RunningTask): InputQueue | undefined {
  return task.task.inputs.find(({ node }) => node.kind === 'source' && node.clock);
}

const writer = new BatchWriter(256);

function clockBatch(now: number): { readonly bytes: Buffer; readonly count: number } {
  writer.start(now);
  writer.keyBytes(null);
  writer.valueBytes(null);
  writer.end([{ key: CLOCK_HEADER, value: null }]);
  return writer.take();
}
