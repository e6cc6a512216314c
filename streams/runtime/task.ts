/** One task: a sub-topology at work on one partition. Everything here is synchronous but scans; the instance owns time and commits. */

import type { OffsetCommit } from '../broker.ts';
import type { Subtopology } from '../graph/topology.ts';
import type { Punctuation, ReadOnlyStore } from '../processor.ts';
import type { StreamRecord } from '../record.ts';
import type { Clock } from '../time.ts';
import { CLOCK_HEADER } from '../record.ts';
import { SerdeNotReady } from '../serde.ts';
import { GavelError } from '../errors.ts';
import { deadLetterHeaders, deadLetterTopicName } from './dead-letter.ts';
import type { FailureStage } from './dead-letter.ts';
import type { InputQueue } from './input-queue.ts';
import type { EpochMetrics, Labels } from './metrics.ts';
import { KeyMemo } from './key-memo.ts';
import type { OutputBuffer } from './output-buffer.ts';
import { PendingWork } from './pending-work.ts';
import type { Targets } from './targets.ts';
import type { TaskState } from './task-state.ts';
import { TaskFailure } from './task-failure.ts';
import type { Skip } from './task-failure.ts';
import { compileNodes } from './task-nodes.ts';
import type { Receiver, TaskNodes } from './task-nodes.ts';
import { Punctuations } from './punctuations.ts';

/** Things due that one wake may handle before the loop may cut an epoch. */
const WAKE_LIMIT = 500;

export interface TaskOptions {
  /** `<sub-topology>-<partition>` */
  readonly id: string;
  readonly subtopology: Subtopology;
  readonly partition: number;
  readonly state: TaskState;
  readonly inputs: readonly InputQueue[];
  readonly outputs: OutputBuffer;
  readonly targets: Targets;
  readonly tables: ReadonlyMap<string, ReadOnlyStore<unknown, unknown>>;
  readonly metrics: EpochMetrics;
  readonly clock: Clock;
  readonly maxTaskIdleMs: number;
  readonly applicationId: string;
  /** Set where the topology is a shadow. */
  readonly shadow: string | undefined;
}

export class Task {
  readonly id: string;
  readonly options: TaskOptions;
  readonly state: TaskState;
  readonly inputs: readonly InputQueue[];
  readonly punctuations = new Punctuations();
  /** Of the task's metrics. */
  readonly labels: Labels;
  /** Highest timestamp processed (semantics 3). */
  streamTime = -1;
  /** Time of what runs now. */
  time = -1;
  /** The record that runs now, if one does. */
  current: InputQueue | undefined;
  /** The open epoch has passed a record that failed: cut before another one rolls all of it back again. */
  passedSkip = false;
  /** The last step was as long as a round: a slice of what is due, or one after which to cut. */
  roundOver = false;
  /** Promises of steps: the next one waits for them. */
  readonly pending: PendingWork;
  /** Serialized key used last: most outputs of a record have the same key. */
  readonly keyMemo = new KeyMemo();

  readonly #nodes: TaskNodes;
  /** True where a source takes the time from the record. */
  readonly #extracts: boolean;
  #wakes = new Map<string, number>();
  #nextWake = Infinity;
  #timesChanged = false;
  #processed = 0;
  #skips = new Map<string, Skip & { readonly topic: string; readonly offset: number }>();
  #idleSince = -1;

  constructor(options: TaskOptions) {
    this.options = options;
    this.id = options.id;
    this.pending = new PendingWork(options.id, options.clock);
    this.labels = Object.freeze({ subtopology: options.subtopology.name });
    this.state = options.state;
    this.inputs = options.inputs;
    this.#extracts = this.inputs.some(({ extractor }) => extractor !== undefined);
    this.#loadTimes();
    this.#nodes = compileNodes(this, options);
    this.punctuations.cut();
    for (const input of this.inputs) input.receivers = this.#nodes.sources.get(input.node) ?? [];
  }

  /** The earliest wake asked for; Infinity without one. */
  get nextWake(): number {
    return this.#nextWake;
  }

  wakeAt(node: string, time: number): void {
    if (time >= (this.#wakes.get(node) ?? Infinity)) return;
    this.#wakes.set(node, time);
    if (time < this.#nextWake) this.#nextWake = time;
    this.#timesChanged = true;
  }

  /** What the record at this place gets instead of being processed. */
  skip(at: { readonly topic: string; readonly offset: number }, skip: Skip): void {
    this.#skips.set(`${at.topic}:${at.offset}`, { ...skip, topic: at.topic, offset: at.offset });
  }

  /**
   * Handles one record or one slice of what is due. False where nothing can be done now.
   * @throws TaskFailure
   */
  step(): boolean | Promise<boolean> {
    if (this.#extracts) {
      for (const input of this.inputs) {
        const waiting = this.#extractTime(input);
        if (waiting !== undefined) return waiting;
      }
    }
    const input = this.#choose();
    if (input === undefined) return false;
    const time = Math.max(this.streamTime, input.timestamp);
    if (this.#nextWake <= time) return this.#wake(time);
    return this.#process(input, time);
  }

  /** Runs wall-clock punctuations that are due. */
  punctuate(now: number): boolean | Promise<boolean> {
    return this.punctuations.next('wall-clock') <= now && this.#punctuate('wall-clock', now);
  }

  /**
   * Step 1 of the cut: what operators hold back goes on, one after the other: what waits behind one may be held back by the next.
   * @throws TaskFailure
   */
  flush(from = 0): void | Promise<void> {
    this.current = undefined;
    const { processors } = this.#nodes;
    for (let i = from; i < processors.length; i++) {
      const { processor } = processors[i] as TaskNodes['processors'][number];
      if (processor.flush === undefined) continue;
      const flushed = this.pending.guard(() => processor.flush?.());
      if (flushed !== true) return flushed.then(() => this.flush(i + 1));
    }
  }

  /** Step 2 of the cut: the open epoch becomes the committing one. Answers the offsets to commit with it. */
  freeze(): readonly OffsetCommit[] {
    if (this.#timesChanged) {
      this.state.times = {
        streamTime: this.streamTime,
        partitionTimes: Object.fromEntries(this.inputs.map(({ topic, partitionTime }) => [topic, partitionTime])),
        wakes: Object.fromEntries(this.#wakes),
      };
      this.#timesChanged = false;
    }
    this.passedSkip = false;
    this.state.freeze();
    this.punctuations.cut();
    const offsets = this.inputs.map((input) => ({
      topic: input.topic,
      partition: input.partition,
      offset: input.committable,
      metadata: String(input.partitionTime),
    }));
    for (const input of this.inputs) {
      input.cut();
      for (const [place, skip] of this.#skips)
        if (skip.topic === input.topic && skip.offset < input.committable) this.#skips.delete(place);
    }
    return offsets;
  }

  /** Records that the open epoch processed so far; counts from none again. */
  takeProcessed(): number {
    const processed = this.#processed;
    this.#processed = 0;
    return processed;
  }

  /** Drops the open epoch: everything since the cut will run again. */
  rollback(): void {
    this.#processed = 0;
    this.passedSkip = false;
    this.state.rollback();
    this.punctuations.rollback();
    this.pending.clear();
    this.#loadTimes();
    for (const { processor } of this.#nodes.processors) processor.rollback?.();
    for (const input of this.inputs) input.rewind();
  }

  /** When waiting for an idle input ends; Infinity while the task does not. */
  get idleUntil(): number {
    return this.#idleSince < 0 ? Infinity : this.#idleSince + this.options.maxTaskIdleMs;
  }

  /** True where the open epoch has something to commit. */
  get isDirty(): boolean {
    return this.#timesChanged || this.state.openRows > 0 || this.inputs.some((input) => input.moved);
  }

  close(): void {
    for (const { processor } of this.#nodes.processors) processor.close?.();
  }

  deadLetter(stage: FailureStage, reason: string, message: string): void {
    const input = this.current;
    if (input === undefined) {
      throw new GavelError('ILLEGAL_STATE', 'only a record can be a dead letter: none is being processed now');
    }
    const { reader, topic, partition } = input;
    const target = this.options.targets.get(deadLetterTopicName(topic, this.options.shadow));
    this.options.outputs.appendBytes(target, partition % target.partitions, {
      timestamp: reader.timestamp,
      key: reader.key(),
      value: reader.value(),
      headers: deadLetterHeaders(reader.headers(), { stage, reason, message, topic, partition, offset: reader.offset }),
    });
    this.options.metrics.count('records_dlq_total');
  }

  /** The input whose head comes next (semantics 1, 2), or undefined where the task must wait. */
  #choose(): InputQueue | undefined {
    const { inputs } = this;
    let chosen: InputQueue | undefined;
    let waits = false;
    for (let i = 0; i < inputs.length; i++) {
      const input = inputs[i] as InputQueue;
      if (!input.hasRecord) waits ||= !input.atEnd || this.options.maxTaskIdleMs > 0;
      else if (chosen === undefined || input.timestamp < chosen.timestamp) chosen = input;
    }
    if (chosen === undefined || !waits || inputs.length === 1) {
      this.#idleSince = -1;
      return chosen;
    }
    if (inputs.some((input) => !input.hasRecord && !input.atEnd)) {
      this.#idleSince = -1;
      return undefined;
    }
    const now = this.options.clock.now();
    if (this.#idleSince < 0) this.#idleSince = now;
    return now - this.#idleSince >= this.options.maxTaskIdleMs ? chosen : undefined;
  }

  #process(input: InputQueue, time: number): boolean | Promise<boolean> {
    this.current = input;
    this.time = input.timestamp;
    if (this.#isClock(input)) return this.#done(input, time);
    if (this.#skips.size > 0) {
      const skip = this.#skips.get(`${input.topic}:${input.reader.offset}`);
      if (skip !== undefined) {
        if (skip.deadLetter) this.deadLetter(skip.stage, skip.reason, skip.message);
        else this.options.metrics.count('records_dropped_total', SKIPPED);
        this.passedSkip = true;
        this.roundOver = true;
        return this.#done(input, time);
      }
    }
    const record = input.head ?? this.#decode(input);
    if (record instanceof Promise) return record;
    this.streamTime = time;
    try {
      const { receivers } = input;
      for (let i = 0; i < receivers.length; i++) (receivers[i] as Receiver)(record);
    } catch (error) {
      return this.pending.fail(record, error);
    }
    if (this.pending.isEmpty) return this.#done(input, time);
    return this.pending.settle(record).then(() => this.#done(input, time));
  }

  /** The record at the head, or a promise to be awaited before it is tried again. */
  #decode(input: InputQueue): StreamRecord<unknown, unknown> | Promise<boolean> {
    const { reader, topic, partition, serdes } = input;
    try {
      const keyBytes = reader.key();
      const valueBytes = reader.value();
      const key = keyBytes === null ? null : serdes.key.deserialize(keyBytes);
      if (keyBytes !== null) this.keyMemo.set(key, serdes.key, keyBytes);
      return {
        key,
        value: valueBytes === null ? null : serdes.value.deserialize(valueBytes),
        timestamp: reader.timestamp,
        headers: reader.headers(),
        topic,
        partition,
        offset: reader.offset,
      };
    } catch (error) {
      const at = { topic, partition, offset: reader.offset };
      if (!(error instanceof SerdeNotReady)) throw new TaskFailure(this.id, 'deserialization', at, error);
      return error.ready.then(
        () => true,
        (cause: unknown) => {
          throw new TaskFailure(this.id, 'deserialization', at, cause);
        },
      );
    }
  }

  /** Finds the time of a head whose source takes it from the record. Undefined where there is nothing to wait for. */
  #extractTime(input: InputQueue): Promise<boolean> | undefined {
    if (input.extractor === undefined || !input.hasRecord || input.head !== undefined || this.#isClock(input))
      return undefined;
    if (this.#skips.has(`${input.topic}:${input.reader.offset}`)) return undefined;
    const record = this.#decode(input);
    if (record instanceof Promise) return record;
    try {
      input.setHead(record, input.extractor(record));
    } catch (error) {
      throw new TaskFailure(this.id, 'deserialization', record, error);
    }
    return undefined;
  }

  #done(input: InputQueue, time: number): true | Promise<true> {
    this.streamTime = time;
    if (input.timestamp > input.partitionTime) input.partitionTime = input.timestamp;
    this.#timesChanged = true;
    this.#processed++;
    this.current = undefined;
    input.advance();
    return this.punctuations.next('stream') > time || this.#punctuate('stream', time);
  }

  #punctuate(kind: Punctuation['kind'], time: number): true | Promise<true> {
    this.current = undefined;
    this.time = time;
    return this.pending.guard(() => this.punctuations.run(kind, time, this.pending.add));
  }

  #wake(time: number): boolean | Promise<boolean> {
    this.current = undefined;
    this.time = time;
    this.streamTime = time;
    let due: { readonly node: string; readonly at: number } | undefined;
    for (const [node, at] of this.#wakes) if (due === undefined || at < due.at) due = { node, at };
    const { node } = due as { readonly node: string };
    this.roundOver = true;
    this.#wakes.delete(node);
    this.#findNextWake();
    this.#timesChanged = true;
    return this.pending.guard(() => {
      const next = this.#nodes.wake(node, time, WAKE_LIMIT);
      if (next instanceof Promise) this.pending.add(next.then((at) => this.#wakeAgain(node, at)));
      else this.#wakeAgain(node, next);
    });
  }

  #wakeAgain(node: string, at: number | undefined): void {
    if (at !== undefined) this.wakeAt(node, at);
  }

  #findNextWake(): void {
    this.#nextWake = Infinity;
    for (const at of this.#wakes.values()) if (at < this.#nextWake) this.#nextWake = at;
  }

  /** Semantics 27: tested before the null-key and null-value rules. Whoever appended it, no processor sees a clock record. */
  #isClock({ reader }: InputQueue): boolean {
    if (!reader.hasHeaders || reader.key() !== null || reader.value() !== null) return false;
    return reader.headers().some((header) => header.key === CLOCK_HEADER);
  }

  #loadTimes(): void {
    const times = this.state.times;
    this.streamTime = times.streamTime;
    for (const input of this.inputs) input.partitionTime = times.partitionTimes[input.topic] ?? -1;
    this.#wakes = new Map(Object.entries(times.wakes));
    this.#findNextWake();
    this.#timesChanged = false;
  }
}

const SKIPPED = Object.freeze({ reason: 'skipped' });
