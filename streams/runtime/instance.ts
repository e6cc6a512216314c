/** One instance at work: the loop that fetches, processes and commits, and what it does when something fails. */

import { setImmediate as nextTurn } from 'node:timers/promises';
import type { Fetcher, Producer, TransactionalProducer } from '../broker.ts';
import { partitionKey } from '../broker.ts';
import { GavelError, isGavelError } from '../errors.ts';
import { ClockAppender } from './clock-appender.ts';
import { CommitPipeline } from './commit-pipeline.ts';
import { Coordinator } from './coordinator.ts';
import type { TaskHost } from './coordinator.ts';
import { GlobalTables } from './global-tables.ts';
import type { InputQueue } from './input-queue.ts';
import { ensureTopics, partitionCounts } from './internal-topics.ts';
import { Membership } from './membership.ts';
import { EpochMetrics } from './metrics.ts';
import type { InstanceState, Settings } from './options.ts';
import { OutputBuffer } from './output-buffer.ts';
import { RepartitionPurge } from './repartition-purge.ts';
import type { RunningTask } from './running-task.ts';
import { Targets } from './targets.ts';
import { TaskFailure } from './task.ts';
import { TaskOpener } from './task-opener.ts';
import { Wakeup } from './wakeup.ts';

/** Milliseconds that processing may keep the event loop. */
const SLICE_MS = 10;
/** Records of one task before the next one has its turn. */
const ROUND_RECORDS = 64;
/** Milliseconds before a record that needs something unreachable is tried again. */
const BACKOFF_MS = 500;

export class Instance implements TaskHost {
  readonly settings: Settings;
  readonly tasks = new Map<string, RunningTask>();
  /** Milliseconds of the longest stretch of processing without a yield. */
  longestStretchMs = 0;

  readonly #outputs = new OutputBuffer();
  readonly #metrics: EpochMetrics;
  readonly #wakeup = new Wakeup();
  readonly #queues = new Map<string, InputQueue>();
  readonly #transactionalId: string;
  readonly #producer: Producer;
  readonly #transactions: TransactionalProducer | undefined;
  readonly #tables: GlobalTables;
  readonly #clocks: ClockAppender;
  readonly #purge: RepartitionPurge;
  readonly #membership: Membership;
  #fetcher: Fetcher | undefined;
  #coordinator: Coordinator | undefined;
  #state: InstanceState = 'created';
  #between: (() => void)[] = [];
  readonly #pipeline: CommitPipeline;
  #held = false;
  #suspended = false;
  #paused = false;
  #draining = false;
  #stopped = false;
  #backoffUntil = -Infinity;
  #loop: Promise<void> = Promise.resolve();
  readonly #finish: { readonly resolve: () => void; readonly reject: (error: unknown) => void };
  readonly finished: Promise<void>;

  constructor(settings: Settings) {
    const { broker, clock, applicationId, instanceId, topology } = settings;
    this.settings = settings;
    this.#metrics = new EpochMetrics(settings.metrics);
    this.#transactionalId = `${applicationId}-${instanceId}`;
    this.#producer = broker.producer();
    this.#transactions =
      settings.guarantee === 'exactly-once' ? broker.transactionalProducer(this.#transactionalId) : undefined;
    this.#pipeline = new CommitPipeline(
      {
        broker,
        transactions: this.#transactions,
        producer: this.#producer,
        clock,
        metrics: settings.metrics,
        onStep: settings.onCommitStep,
      },
      () => this.#wakeup.wake(),
    );
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    this.finished = promise;
    this.#finish = { resolve, reject };
    promise.catch(() => undefined); // who does not look at `finished` sees the failure at `close`
    this.#tables = new GlobalTables(broker, topology.globalTables, (error) => this.onError(error));
    this.#clocks = new ClockAppender(this.#producer, clock, (error) => {
      if (error !== undefined && !(isGavelError(error) && error.retry === 'backoff')) this.onError(error);
      this.#wakeup.wake();
    });
    this.#purge = new RepartitionPurge(settings, (error) => this.onError(error));
    this.#membership = new Membership({
      broker,
      clock,
      groupId: applicationId,
      instanceId,
      transactionalId: this.#transactionalId,
      subtopologies: Object.fromEntries(partitionCounts(topology)),
      sessionTimeoutMs: settings.sessionTimeoutMs,
      rebalanceTimeoutMs: settings.rebalanceTimeoutMs,
      onRebalance: () => this.#coordinator?.rejoin(),
      onLost: (error) => (error.retry === 'restart-task' ? this.#coordinator?.startOver(error) : this.onError(error)),
    });
  }

  get state(): InstanceState {
    return this.#state;
  }

  get running(): Iterable<string> {
    return this.tasks.keys();
  }

  /** True while nothing is under way and nothing can be done without news from outside. */
  get isIdle(): boolean {
    if (this.#stopped || this.#suspended) return true;
    return (
      this.#wakeup.isWaiting &&
      this.#pipeline.isFree &&
      this.#coordinator?.isBusy !== true &&
      this.#clocks.underWay === 0 &&
      ![...this.tasks.values()].some((task) => task.isDirty)
    );
  }

  /** Creates topics, reads the global tables, joins the group. Answers when the first assignment runs. */
  async start(): Promise<void> {
    const { settings } = this;
    const topics = await ensureTopics(settings.broker, settings.applicationId, settings.topology);
    const targets = new Targets([...topics.values()]);
    await this.#tables.start();
    this.#fetcher = settings.broker.fetcher({
      maxBytesPerPartition: settings.bufferedBytesMax,
      onReady: () => this.#wakeup.wake(),
    });
    const subtopologies = new Map(settings.topology.subtopologies.map((sub) => [sub.name, sub]));
    this.#coordinator = new Coordinator({
      settings,
      host: this,
      membership: this.#membership,
      opener: new TaskOpener({
        settings,
        topics,
        targets,
        outputs: this.#outputs,
        metrics: this.#metrics,
        tables: this.#tables.stores,
      }),
      transactions: this.#transactions,
      transactionalId: this.#transactionalId,
      subtopologies,
    });
    this.#setState('joining');
    this.#loop = this.#run();
    if (settings.processing) this.#coordinator.rejoin();
    else
      this.#coordinator.openAll(
        [...partitionCounts(settings.topology)].flatMap(([name, n]) =>
          Array.from({ length: n }, (_, p) => `${name}-${p}`),
        ),
      );
    await Promise.race([this.#coordinator.settled(), this.finished]);
    if (this.#state === 'joining') this.#setState('running');
  }

  /** Drains: stops fetching, finishes what was taken, commits, leaves the group and closes. Closing twice is allowed. */
  async close(): Promise<void> {
    if (this.#state === 'created' || this.#state === 'closed') return this.#setState('closed');
    if (!this.#stopped) {
      this.#setState('draining');
      await this.#coordinator?.stop();
      this.#draining = true;
      this.#suspended = false;
      this.#wakeup.wake();
    }
    await this.#loop;
    await this.#release();
    if (this.state === 'failed') return;
    await this.#membership.leave();
    this.#setState('closed');
    this.#finish.resolve();
  }

  /** Dies as a killed process would: nothing is committed, flushed or said to anyone. Storages are closed so that a successor can open them. */
  async kill(): Promise<void> {
    this.#stopped = true;
    this.#membership.stop();
    this.#wakeup.wake();
    await this.#loop;
    await this.#coordinator?.stop();
    await this.#release();
    this.#state = 'closed';
    this.#finish.resolve();
  }

  /** Holds processing back, keeping the membership; what is open is still committed. */
  pause(paused: boolean): void {
    this.#paused = paused;
    this.#wakeup.wake();
  }

  /** Stops like a stopped process (no heartbeats, no work) until resumed. */
  suspend(suspended: boolean): void {
    this.#suspended = suspended;
    this.#membership.suspend(suspended);
    this.#wakeup.wake();
  }

  get commits(): number {
    return this.#pipeline.commits;
  }

  /** Resolves at the end of the next commit. @throws what stopped the instance */
  nextCommit(): Promise<void> {
    return Promise.race([this.#pipeline.next(), this.finished]);
  }

  // What the coordinator asks for.

  async add(task: RunningTask): Promise<void> {
    await this.#betweenSlices(() => {
      this.tasks.set(task.id, task);
      for (const input of task.task.inputs) {
        this.#queues.set(partitionKey(input.topic, input.partition), input);
        this.#fetcher?.assign(input.topic, input.partition, input.position);
      }
    });
  }

  async closeTasks(ids: readonly string[]): Promise<void> {
    const closed = await this.#betweenSlices(() => this.#detach(ids));
    await Promise.all(closed.map((task) => task.task.state.storage.close()));
  }

  async dropAll(): Promise<void> {
    await this.#pipeline.settled();
    const dropped = await this.#betweenSlices(() => {
      this.#pipeline.takeFailure();
      this.#outputs.clear();
      this.#metrics.rollback();
      return this.#detach([...this.tasks.keys()]);
    });
    await Promise.all(dropped.map((task) => task.task.state.storage.close()));
  }

  async commitOpen(): Promise<void> {
    this.#held = true;
    await this.#pipeline.settled();
    await this.#betweenSlices(() => {
      if (this.#pipeline.isFree && this.#isDirty()) this.#cut();
    });
    await this.#pipeline.settled();
    const failure = this.#pipeline.takeFailure();
    if (failure !== undefined) throw failure;
  }

  hold(held: boolean): void {
    this.#held = held;
    this.#wakeup.wake();
  }

  changed(): void {
    this.#wakeup.wake();
  }

  onError(error: unknown): void {
    if (this.#stopped) return;
    this.#stopped = true;
    this.#membership.stop();
    if (!isGavelError(error, 'KILLED')) this.#setState('failed');
    this.#finish.reject(error);
    this.#wakeup.wake();
  }

  // The loop.

  async #run(): Promise<void> {
    while (!this.#stopped) {
      try {
        for (const job of this.#between.splice(0)) job();
        const failure = this.#held ? undefined : this.#pipeline.takeFailure();
        if (failure !== undefined) throw failure;
        if (this.#suspended) await this.#wakeup.wait();
        else if (await this.#turn()) await nextTurn();
        else if (this.#isDrained()) return;
        else await this.#sleep();
      } catch (error) {
        this.#onFailure(error);
      }
    }
    for (const job of this.#between.splice(0)) job();
  }

  /** Fetches, processes, commits; true where something was processed. */
  async #turn(): Promise<boolean> {
    const { clock } = this.settings;
    this.#takeFetched();
    const progressed = !this.#paused && clock.now() >= this.#backoffUntil && (await this.#slice());
    if (!this.#held && this.#pipeline.isFree && this.#isDirty()) {
      const due = clock.now() - this.#pipeline.lastCut >= this.settings.commitIntervalMs;
      if (!progressed || due || this.#isFull()) this.#cut();
    }
    if (!this.#draining) {
      if (this.settings.clockRecords) this.#clocks.run(this.tasks.values());
      this.#purge.run(this.tasks.values());
    }
    return progressed;
  }

  #takeFetched(): void {
    if (this.#draining) return;
    for (const fetched of this.#fetcher?.poll() ?? []) {
      const queue = this.#queues.get(partitionKey(fetched.topic, fetched.partition));
      if (queue === undefined) continue;
      if (isGavelError(fetched.error, 'OFFSET_OUT_OF_RANGE')) {
        this.#resetInput(queue);
        continue;
      }
      if (fetched.error !== undefined) throw fetched.error;
      queue.add(fetched);
      if (queue.paused || queue.bufferedBytes <= this.settings.bufferedBytesMax) continue;
      queue.paused = true;
      this.#fetcher?.pause(queue.topic, queue.partition);
    }
  }

  /** The log does not reach back to where the group stands: goes on as the source's reset policy says, and says so. */
  #resetInput(queue: InputQueue): void {
    const { broker, listeners } = this.settings;
    const { topic, partition, node, position } = queue;
    const policy = node.kind === 'source' ? node.reset : 'earliest';
    broker.listOffsets([{ topic, partition }], policy).then(
      async ([start]) => {
        const offset = start?.offset ?? 0;
        await this.#betweenSlices(() => {
          if (this.#queues.get(partitionKey(topic, partition)) !== queue) return;
          queue.position = offset;
          this.#fetcher?.assign(topic, partition, offset);
          listeners.onWarning?.({
            code: 'OFFSET_OUT_OF_RANGE',
            message: `${topic}-${partition} does not have offset ${position} any more: goes on at ${offset} (reset policy ${policy})`,
          });
        });
      },
      (error: unknown) => this.onError(error),
    );
  }

  /** Processes round by round until nothing is left, the slice is over, or the epoch is full. True where anything was done. */
  async #slice(): Promise<boolean> {
    const begin = performance.now();
    let progressed = await this.#punctuate();
    for (let any = true; any && !this.#mustWait();) {
      any = false;
      for (const { task } of this.tasks.values()) {
        for (let i = 0; i < ROUND_RECORDS; i++) {
          const stepped = task.step();
          if (stepped !== true && (stepped === false || !(await stepped))) break;
          any = true;
        }
      }
      progressed ||= any;
      if (performance.now() - begin >= SLICE_MS) break;
    }
    this.#noteStretch(performance.now() - begin);
    return progressed;
  }

  /** Semantics 24: who keeps the loop too long sends no heartbeats and loses its membership. */
  #noteStretch(ms: number): void {
    this.longestStretchMs = Math.max(this.longestStretchMs, ms);
    const { sessionTimeoutMs, listeners } = this.settings;
    if (ms <= sessionTimeoutMs / 2) return;
    listeners.onWarning?.({
      code: 'SLOW_CALLBACK',
      message: `processing kept the loop for ${Math.round(ms)} ms, over half the session time-out of ${sessionTimeoutMs} ms: the group may take the tasks away`,
    });
  }

  async #punctuate(): Promise<boolean> {
    const now = this.settings.clock.now();
    let any = false;
    for (const { task } of this.tasks.values()) {
      const ran = task.punctuate(now);
      any = (ran instanceof Promise ? await ran : ran) || any;
    }
    return any;
  }

  #isDirty(): boolean {
    for (const task of this.tasks.values()) if (task.isDirty) return true;
    return false;
  }

  #isFull(): boolean {
    if (this.#outputs.bytes > this.settings.stagedBytesMax) return true;
    let rows = 0;
    for (const { task } of this.tasks.values()) rows += task.state.openRows;
    return rows > this.settings.stagedRowsMax;
  }

  /** True where the open epoch is full and the one before is still being committed. */
  #mustWait(): boolean {
    return this.#isFull() && (this.#held || !this.#pipeline.isFree);
  }

  #cut(): void {
    const tasks = [...this.tasks.values()];
    this.#metrics.count('records_produced_total', {}, this.#outputs.records);
    for (const { task } of tasks) this.#metrics.count('records_processed_total', task.labels, task.takeProcessed());
    this.#pipeline.start(tasks, this.#outputs, this.#membership.member);
    this.#metrics.cut();
    for (const queue of this.#queues.values()) {
      if (!queue.paused || queue.bufferedBytes > this.settings.bufferedBytesMax / 2) continue;
      queue.paused = false;
      this.#fetcher?.resume(queue.topic, queue.partition);
    }
  }

  /** Waits for news, or for the next moment at which something is due. */
  async #sleep(): Promise<void> {
    const { clock } = this.settings;
    let due = this.#backoffUntil > clock.now() ? this.#backoffUntil : Infinity;
    for (const { task } of this.tasks.values()) due = Math.min(due, task.punctuations.nextWallClock, task.idleUntil);
    if (this.settings.clockRecords) due = Math.min(due, this.#clocks.nextDue(this.tasks.values()));
    const timer =
      due === Infinity ? undefined : clock.setTimer(Math.max(0, due - clock.now()), () => this.#wakeup.wake());
    await this.#wakeup.wait();
    timer?.cancel();
  }

  #isDrained(): boolean {
    return this.#draining && this.#pipeline.isFree && !this.#isDirty();
  }

  /** The one place that decides what an error means for the instance. */
  #onFailure(error: unknown): void {
    if (error instanceof TaskFailure) return this.#onTaskFailure(error);
    if (!isGavelError(error) || error.retry === 'never' || this.#coordinator === undefined) return this.onError(error);
    const { listeners } = this.settings;
    listeners.onWarning?.({ code: error.code, message: `starting over from the group's offsets: ${error.message}` });
    this.settings.metrics.count('restarts_total', { reason: error.code }, 1);
    if (this.#draining) return this.onError(error);
    this.#held = true;
    this.#coordinator.startOver(error);
  }

  #onTaskFailure(failure: TaskFailure): void {
    const { cause, stage, at, task } = failure;
    if (isGavelError(cause, 'STATE_CORRUPT')) return this.#onFailure(cause);
    if (isGavelError(cause) && cause.retry === 'backoff') {
      this.#backoffUntil = this.settings.clock.now() + BACKOFF_MS;
      if (stage !== 'deserialization') this.#rollback();
      return;
    }
    const handler = stage === 'application' ? undefined : this.settings.handlers[stage];
    const answer = at === undefined || handler === undefined ? 'fail' : handler({ ...at, stage, task, error: cause });
    const where = at === undefined ? '' : ` at ${at.topic}-${at.partition}@${at.offset}`;
    if (answer === 'fail' || at === undefined) {
      return this.onError(
        new GavelError('PROCESSING_FAILED', `task ${task} failed in ${stage}${where}: ${failure.message}`, {
          cause,
          hint: 'mend the processor, or give a handler that answers "dead-letter" or "skip"',
        }),
      );
    }
    if (stage !== 'deserialization') this.#rollback();
    this.tasks.get(task)?.task.skip(at, {
      deadLetter: answer === 'dead-letter',
      stage,
      reason: isGavelError(cause) ? cause.code : 'PROCESSING_FAILED',
      message: failure.message,
    });
  }

  /** Drops the open epoch of every task; its records are processed again. */
  #rollback(): void {
    for (const { task } of this.tasks.values()) task.rollback();
    this.#outputs.clear();
    this.#metrics.rollback();
  }

  /** Runs `job` between two slices. */
  #betweenSlices<T>(job: () => T): Promise<T> {
    const { promise, resolve, reject } = Promise.withResolvers<T>();
    this.#between.push(() => {
      try {
        resolve(job());
      } catch (error) {
        reject(error);
      }
    });
    this.#wakeup.wake();
    return promise;
  }

  /** Takes tasks out of the loop and closes their processors; their storage is the caller's to close. */
  #detach(ids: readonly string[]): readonly RunningTask[] {
    const detached: RunningTask[] = [];
    for (const id of ids) {
      const running = this.tasks.get(id);
      if (running === undefined) continue;
      this.tasks.delete(id);
      for (const input of running.task.inputs) {
        this.#queues.delete(partitionKey(input.topic, input.partition));
        this.#fetcher?.unassign(input.topic, input.partition);
      }
      running.task.close();
      detached.push(running);
    }
    return detached;
  }

  async #release(): Promise<void> {
    await this.#pipeline.settled();
    this.#outputs.clear();
    await this.#tables.close();
    await this.#fetcher?.close();
    const tasks = this.#detach([...this.tasks.keys()]);
    await Promise.all(tasks.map((task) => task.task.state.storage.close()));
    await this.#producer.close();
    await this.#transactions?.close();
  }

  #setState(state: InstanceState): void {
    if (state === this.#state) return;
    this.#state = state;
    this.settings.listeners.onState?.(state);
  }
}
