/** One instance at work: the loop that fetches, processes and commits, and what it does when something fails. */

import { setImmediate as nextTurn } from 'node:timers/promises';
import type { Producer, TransactionalProducer } from '../broker.ts';
import { isGavelError } from '../errors.ts';
import { ClockAppender } from './clock-appender.ts';
import { CommitPipeline } from './commit-pipeline.ts';
import { Coordinator } from './coordinator.ts';
import type { TaskHost } from './coordinator.ts';
import { GlobalTables } from './global-tables.ts';
import { Inputs } from './inputs.ts';
import { ensureTopics, partitionCounts } from './internal-topics.ts';
import { LoopJobs } from './loop-jobs.ts';
import { Membership } from './membership.ts';
import type { InstanceState, Settings } from './options.ts';
import { RepartitionPurge } from './repartition-purge.ts';
import type { RunningTask } from './running-task.ts';
import { Targets } from './targets.ts';
import { TaskFailure, judgeFailure } from './task-failure.ts';
import { TaskSet } from './task-set.ts';
import { TaskOpener } from './task-opener.ts';
import { Wakeup } from './wakeup.ts';

/** Milliseconds before a record that needs something unreachable is tried again. */
const BACKOFF_MS = 500;

export class Instance implements TaskHost {
  readonly settings: Settings;
  readonly tasks: TaskSet;

  readonly #wakeup = new Wakeup();
  readonly #transactionalId: string;
  readonly #producer: Producer;
  readonly #transactions: TransactionalProducer | undefined;
  readonly #tables: GlobalTables;
  readonly #clocks: ClockAppender;
  readonly #purge: RepartitionPurge;
  readonly #membership: Membership;
  #inputs: Inputs | undefined;
  #opener: TaskOpener | undefined;
  #coordinator: Coordinator | undefined;
  #state: InstanceState = 'created';
  readonly #jobs = new LoopJobs(() => this.#wakeup.wake());
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
    this.tasks = new TaskSet(settings);
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
    this.#tables = new GlobalTables(settings, (error) => this.onError(error));
    this.#clocks = new ClockAppender(this.#producer, clock, (error) => {
      // One that was perhaps appended may be appended again: it says no more than what time it is.
      if (error !== undefined && (!isGavelError(error) || error.retry === 'never')) this.onError(error);
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
      onBeat: () => this.tasks.giveUpStuck(),
      onRebalance: () => this.#coordinator?.rejoin(),
      onLost: (error) => (error.retry === 'restart-task' ? this.#coordinator?.startOver(error) : this.onError(error)),
    });
  }

  get state(): InstanceState {
    return this.#state;
  }

  get running(): Iterable<string> {
    return this.tasks.ids;
  }

  /** True while nothing is under way and nothing can be done without news from outside. */
  get isIdle(): boolean {
    if (this.#stopped || this.#suspended) return true;
    return (
      this.#wakeup.isWaiting &&
      this.#pipeline.isFree &&
      this.#coordinator?.isBusy !== true &&
      this.#clocks.underWay === 0 &&
      !this.tasks.isDirty
    );
  }

  /** Creates topics, reads the global tables, joins the group. Answers when the first assignment runs. */
  async start(): Promise<void> {
    try {
      await this.#begin();
    } catch (error) {
      this.onError(error);
      await this.close();
      throw error;
    }
  }

  async #begin(): Promise<void> {
    const { settings } = this;
    const topics = await ensureTopics(settings.broker, settings.applicationId, settings.topology);
    const targets = new Targets([...topics.values()]);
    await this.#tables.start();
    if (this.#stopped) return; // closed or killed meanwhile
    this.#inputs = new Inputs(
      settings,
      () => this.#wakeup.wake(),
      (error) => this.onError(error),
    );
    const subtopologies = new Map(settings.topology.subtopologies.map((sub) => [sub.name, sub]));
    const { outputs, metrics } = this.tasks;
    this.#opener = new TaskOpener({ settings, topics, targets, outputs, metrics, tables: this.#tables.stores });
    this.#coordinator = new Coordinator({
      settings,
      host: this,
      membership: this.#membership,
      opener: this.#opener,
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
    if (this.#state === 'closed') return;
    if (this.#coordinator === undefined) this.#stopped = true;
    else if (!this.#stopped) {
      this.#setState('draining');
      this.#draining = true;
      this.#suspended = false;
      this.#wakeup.wake();
    }
    await this.#coordinator?.stop();
    await this.#loop;
    await this.#release();
    const farewells = [this.#producer.close(), this.#membership.leave()];
    if (this.#transactions !== undefined) farewells.push(this.#transactions.close());
    const [refused] = (await Promise.allSettled(farewells)).filter(({ status }) => status === 'rejected');
    this.#stopped = true;
    if (this.#state === 'failed') return; // `finished` has told why; what nobody answered to ends by its time-out
    this.#setState('closed');
    this.#finish.resolve();
    if (refused?.status === 'rejected') throw refused.reason;
  }

  /**
   * Dies as a killed process would: nothing is committed, aborted or said to anyone; a transaction stays open.
   * Storages are closed so that a successor can open them.
   */
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
    this.#inputs?.suspend(suspended);
    this.#wakeup.wake();
  }

  get commits(): number {
    return this.#pipeline.commits;
  }

  /** Resolves at the end of the next commit, or when tasks are given up. @throws what stopped the instance */
  nextCommit(): Promise<void> {
    return Promise.race([this.#pipeline.next(), this.finished]);
  }

  // What the coordinator asks for.

  async add(task: RunningTask): Promise<void> {
    await this.#jobs.run(() => {
      this.tasks.add(task);
      this.#inputs?.add(task.task.inputs);
    });
  }

  async dropAll(): Promise<void> {
    await this.#pipeline.settled();
    const dropped = await this.#jobs.run(() => {
      this.#pipeline.forgetFailure();
      this.tasks.clear();
      return this.#detach(this.tasks.ids);
    });
    await Promise.all(dropped.map((task) => task.task.state.storage.close()));
  }

  async commitOpen(closing: readonly string[] = []): Promise<void> {
    this.#held = true;
    await this.#pipeline.settled(); // here, so that the loop goes on meanwhile
    const closed = await this.#jobs.run(async () => {
      await this.#pipeline.settled();
      if (this.#pipeline.isFree && this.tasks.isDirty) await this.#cut();
      // Before anything else is processed: the next epoch has no place for what these tasks would send.
      return this.#detach(closing);
    });
    await this.#pipeline.settled();
    await Promise.all(closed.map((task) => task.task.state.storage.close()));
    const { failure } = this.#pipeline;
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
        await this.#jobs.take();
        if (!this.#held && this.#pipeline.failure !== undefined) throw this.#pipeline.failure;
        if (this.#suspended) await this.#wakeup.wait();
        else if (await this.#turn()) await nextTurn();
        else if (this.#isDrained()) break;
        else await this.#sleep();
      } catch (error) {
        this.#tryToGoOn(error);
        await nextTurn();
      }
    }
    await this.#jobs.end();
  }

  /** Fetches, processes, commits; true where something was processed. */
  async #turn(): Promise<boolean> {
    const { clock } = this.settings;
    if (!this.#draining) this.#inputs?.take();
    const progressed = !this.#paused && clock.now() >= this.#backoffUntil && (await this.tasks.slice());
    if (!this.#held && this.#pipeline.isFree && this.tasks.isDirty) {
      const due = clock.now() - this.#pipeline.lastCut >= this.settings.commitIntervalMs;
      if (!progressed || due || this.tasks.isFull) await this.#cut();
    }
    if (!this.#draining) {
      if (this.settings.clockRecords) this.#clocks.run(this.tasks);
      this.#purge.run(this.tasks);
    }
    return progressed;
  }

  /** Ends the open epoch; the loop waits until it is frozen. */
  async #cut(): Promise<void> {
    const tasks = [...this.tasks];
    await this.#pipeline.flush(tasks);
    this.tasks.cutMetrics();
    this.#pipeline.start(tasks, this.tasks.outputs, this.#membership.member);
    this.#inputs?.resume();
  }

  /** Waits for news, or for the next moment at which something is due. */
  async #sleep(): Promise<void> {
    const { clock } = this.settings;
    let due = this.tasks.nextDue;
    if (this.#backoffUntil > clock.now()) due = Math.min(due, this.#backoffUntil);
    if (this.settings.clockRecords) due = Math.min(due, this.#clocks.nextDue(this.tasks));
    const timer =
      due === Infinity ? undefined : clock.setTimer(Math.max(0, due - clock.now()), () => this.#wakeup.wake());
    await this.#wakeup.wait();
    timer?.cancel();
  }

  #isDrained(): boolean {
    return this.#draining && this.#pipeline.isFree && !this.tasks.isDirty;
  }

  #tryToGoOn(error: unknown): void {
    try {
      this.#onFailure(error);
    } catch (thrown) {
      this.onError(thrown); // by a handler or a listener
    }
  }

  /** The one place that decides what an error means for the instance. */
  #onFailure(error: unknown): void {
    if (error instanceof TaskFailure) return this.#onTaskFailure(error);
    if (!isGavelError(error) || error.retry === 'never' || this.#coordinator === undefined) return this.onError(error);
    const { listeners } = this.settings;
    if (this.#draining) {
      const message = `what was open when it closed is left to whoever runs the tasks next: ${error.message}`;
      listeners.onWarning?.({ code: error.code, message });
      this.#stopped = true;
      return;
    }
    listeners.onWarning?.({ code: error.code, message: `starting over from the group's offsets: ${error.message}` });
    this.settings.metrics.count('restarts_total', { reason: error.code }, 1);
    this.#held = true;
    this.#coordinator.startOver(error);
  }

  #onTaskFailure(failure: TaskFailure): void {
    const verdict = judgeFailure(failure, this.settings.handlers);
    if (verdict.kind === 'fail') return this.onError(verdict.error);
    if (verdict.kind === 'start over') {
      this.#opener?.noteDamage(failure.task, verdict.error.message);
      return this.#onFailure(verdict.error);
    }
    if (verdict.kind === 'later') this.#backoffUntil = this.settings.clock.now() + BACKOFF_MS;
    // A record that could not be decoded has done nothing yet.
    if (failure.stage !== 'deserialization') this.tasks.rollback();
    if (verdict.kind === 'skip') this.tasks.get(failure.task)?.task.skip(verdict.at, verdict.skip);
  }

  #detach(ids: readonly string[]): readonly RunningTask[] {
    const detached = this.tasks.detach(ids);
    for (const { task } of detached) this.#inputs?.remove(task.inputs);
    this.#pipeline.tellWaiting(); // who waits for a commit of these tasks looks again
    return detached;
  }

  async #release(): Promise<void> {
    await this.#tables.close();
    await this.#inputs?.close();
    await this.#pipeline.settled();
    this.tasks.clear();
    const tasks = this.#detach(this.tasks.ids);
    await Promise.all(tasks.map((task) => task.task.state.storage.close()));
  }

  #setState(state: InstanceState): void {
    if (state === this.#state) return;
    this.#state = state;
    this.settings.listeners.onState?.(state);
  }
}
