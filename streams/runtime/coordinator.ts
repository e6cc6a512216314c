/** Brings the tasks of an instance in line with the group: joins, opens, gives up, and starts over after a failure. */

import type { TransactionalProducer } from '../broker.ts';
import { GavelError, isGavelError } from '../errors.ts';
import type { Subtopology } from '../graph/topology.ts';
import type { Membership } from './membership.ts';
import type { Settings } from './options.ts';
import type { RunningTask } from './running-task.ts';
import type { OpenRequest, TaskOpener } from './task-opener.ts';

/** Milliseconds between two tries while something is unreachable. */
const BACKOFF_MS = 500;

/** What the coordinator needs of the loop; each runs between two slices. */
export interface TaskHost {
  /** Ids of the tasks that run. */
  readonly running: Iterable<string>;
  add(task: RunningTask): Promise<void>;
  /** Waits for the commit under way, then drops the open epoch and closes all tasks. */
  dropAll(): Promise<void>;
  /** Commits what is open and waits for it; of the tasks to close nothing is processed after that cut. @throws what the commit throws */
  commitOpen(closing?: readonly string[]): Promise<void>;
  /** While held, epochs go on but none is committed. */
  hold(held: boolean): void;
  /** Something that others may wait for has ended. */
  changed(): void;
  onError(error: unknown): void;
}

export interface CoordinatorOptions {
  readonly settings: Settings;
  readonly host: TaskHost;
  readonly membership: Membership;
  readonly opener: TaskOpener;
  readonly transactions: TransactionalProducer | undefined;
  readonly transactionalId: string;
  readonly subtopologies: ReadonlyMap<string, Subtopology>;
}

export class Coordinator {
  readonly #options: CoordinatorOptions;
  readonly #opening = new Map<string, { readonly abort: AbortController; readonly done: Promise<void> }>();
  #initialized = false;
  #work: Promise<void> | undefined;
  /** What is to be done, most of all first; doing the first does not answer the others but where it says so. */
  readonly #wanted = new Set<'start over' | 'restart' | 'rejoin'>();
  /** Transactional ids of members that are gone, until their transactions are ended. */
  readonly #gone = new Set<string>();
  #stopped = false;
  /** Rejects at `stop`: a join may wait for others for long. */
  readonly #stop = Promise.withResolvers<never>();
  #assigned: readonly string[] = [];

  constructor(options: CoordinatorOptions) {
    this.#options = options;
    this.#stop.promise.catch(() => undefined); // only who races it looks
  }

  /** True while a rebalance, a restart or the opening of a task is under way. */
  get isBusy(): boolean {
    return this.#work !== undefined || this.#opening.size > 0;
  }

  /** Joins the group (again): at the start and whenever the group asks. */
  rejoin(): void {
    this.#want('rejoin');
  }

  /**
   * Starts the work over after a failure whose outcome is unknown. The membership stands unless the error says that it is lost.
   */
  startOver(error: GavelError): void {
    const lost =
      error.code === 'UNKNOWN_MEMBER' || error.code === 'ILLEGAL_GENERATION' || error.code === 'PRODUCER_FENCED';
    this.#want(lost ? 'start over' : 'restart');
  }

  /** Opens tasks without a group, to answer queries only. */
  openAll(ids: readonly string[]): void {
    this.#open(ids);
  }

  /** Resolves when no rebalance, restart or opening is under way. */
  async settled(): Promise<void> {
    while (this.isBusy) {
      await this.#work;
      await Promise.all([...this.#opening.values()].map(({ done }) => done));
    }
  }

  /** Stops opening tasks; resolves when nothing is under way. */
  async stop(): Promise<void> {
    this.#stopped = true;
    this.#stop.reject(new GavelError('KILLED', 'the instance stops'));
    await this.#abortOpening([...this.#opening.keys()]);
    await this.#work;
  }

  #want(what: 'rejoin' | 'restart' | 'start over'): void {
    if (this.#stopped) return;
    this.#wanted.add(what);
    this.#work ??= this.#run();
  }

  async #run(): Promise<void> {
    const { host } = this.#options;
    try {
      while (this.#wanted.size > 0 && !this.#stopped) {
        const what = this.#takeWanted();
        try {
          if (what === 'restart') await this.#restart();
          else await this.#rebalance(what === 'start over');
        } catch (error) {
          if (!isGavelError(error) || error.retry === 'never') throw error;
          this.#want(what);
          if (error.retry === 'restart-task') this.startOver(error);
          else await this.#pauseAfter(error);
        }
      }
    } catch (error) {
      if (!this.#stopped) host.onError(error);
    } finally {
      this.#work = undefined;
      host.hold(false);
      host.changed();
    }
  }

  #takeWanted(): 'start over' | 'restart' | 'rejoin' {
    if (this.#wanted.has('start over')) {
      this.#wanted.clear();
      return 'start over';
    }
    const what = this.#wanted.has('restart') ? 'restart' : 'rejoin';
    this.#wanted.delete(what);
    return what;
  }

  /** The membership stands: force the outcome, then open the same tasks again. */
  async #restart(): Promise<void> {
    const { host } = this.#options;
    await this.#abortOpening([...this.#opening.keys()]);
    await host.dropAll();
    await this.#initialize();
    this.#open(this.#assigned);
  }

  async #rebalance(lost: boolean): Promise<void> {
    const { host, membership, settings } = this.#options;
    settings.metrics.count('rebalances_total', {}, 1);
    host.hold(true);
    if (lost) {
      settings.listeners.onWarning?.({
        code: 'MEMBERSHIP_LOST',
        message: 'the membership is lost: all tasks are dropped and the group is joined again',
      });
      await this.#abortOpening([...this.#opening.keys()]);
      await host.dropAll();
      this.#initialized = false;
    } else await host.commitOpen();
    const owned = [...host.running, ...this.#opening.keys()];
    this.#wanted.delete('rejoin'); // this join is the answer to it
    const joined = await Promise.race([membership.join(owned), this.#stop.promise]);
    this.#assigned = joined.tasks;
    for (const id of joined.gone) this.#gone.add(id);
    const revoked = owned.filter((task) => !joined.tasks.includes(task));
    if (revoked.length > 0) {
      await this.#abortOpening(revoked);
      // Nobody else has these tasks before we join again without them, so the new generation may still commit their work.
      this.rejoin();
      await host.commitOpen(revoked);
    }
    if (!this.#initialized) await this.#initialize();
    await this.#endTransactionsOfGone();
    host.hold(false);
    this.#open(joined.tasks.filter((task) => !owned.includes(task)));
  }

  async #initialize(): Promise<void> {
    const { transactions, settings } = this.#options;
    settings.metrics.count('producer_reinit_total', {}, 1);
    await transactions?.init();
    this.#initialized = true;
  }

  /** Members that are gone may have left a transaction open: end it, so that nobody waits for its time-out. */
  async #endTransactionsOfGone(): Promise<void> {
    const { settings, transactions, transactionalId } = this.#options;
    for (const id of this.#gone) {
      if (transactions !== undefined && id !== transactionalId) {
        const producer = settings.broker.transactionalProducer(id);
        await producer.init();
        await producer.close();
      }
      this.#gone.delete(id);
    }
  }

  #open(ids: readonly string[]): void {
    if (this.#stopped) return;
    for (const id of ids) {
      const abort = new AbortController();
      const done = this.#openOne(id, abort.signal);
      this.#opening.set(id, { abort, done });
    }
  }

  async #openOne(id: string, signal: AbortSignal): Promise<void> {
    const { host, subtopologies } = this.#options;
    try {
      await Promise.resolve();
      const at = id.lastIndexOf('-');
      const subtopology = subtopologies.get(id.slice(0, at));
      if (subtopology === undefined) return;
      const task = await this.#openPatiently({ id, subtopology, partition: Number(id.slice(at + 1)), signal });
      if (signal.aborted) await task.task.state.storage.close();
      else await host.add(task);
    } catch (error) {
      if (!signal.aborted) host.onError(error);
    } finally {
      this.#opening.delete(id);
      host.changed();
    }
  }

  async #openPatiently(request: OpenRequest): Promise<RunningTask> {
    for (;;) {
      try {
        return await this.#options.opener.open(request);
      } catch (error) {
        if (!isGavelError(error) || error.retry !== 'backoff' || request.signal.aborted) throw error;
        await this.#pauseAfter(error);
      }
    }
  }

  /** Something is unreachable: says so, and waits before the next try. @throws GavelError `KILLED` at `stop` */
  async #pauseAfter(error: GavelError): Promise<void> {
    const { clock, listeners } = this.#options.settings;
    listeners.onWarning?.({ code: error.code, message: `trying again in ${BACKOFF_MS} ms: ${error.message}` });
    await Promise.race([new Promise<void>((resolve) => clock.setTimer(BACKOFF_MS, resolve)), this.#stop.promise]);
  }

  /** Gives up opening these tasks and waits until their storage is closed. */
  async #abortOpening(ids: readonly string[]): Promise<void> {
    const openings = ids.map((id) => this.#opening.get(id)).filter((opening) => opening !== undefined);
    for (const { abort } of openings) abort.abort();
    await Promise.all(openings.map(({ done }) => done));
  }
}
