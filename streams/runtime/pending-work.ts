/** What a part of a step left running: the next part waits for it, also where one has failed. */

import { GavelError } from '../errors.ts';
import type { Clock } from '../time.ts';
import { TaskFailure } from './task-failure.ts';

export class PendingWork {
  readonly #task: string;
  readonly #clock: Clock;
  #pending: Promise<void>[] = [];
  /** Ends the wait that is under way. */
  #giveUp: ((error: GavelError) => void) | undefined;
  #since = Infinity;

  /** @param task named in the failures */
  constructor(task: string, clock: Clock) {
    this.#task = task;
    this.#clock = clock;
  }

  readonly add = (pending: Promise<void>): void => void this.#pending.push(pending);

  get isEmpty(): boolean {
    return this.#pending.length === 0;
  }

  /** Runs a wake, punctuation or flush, then waits for what it left. @throws TaskFailure */
  guard(work: () => void): true | Promise<true> {
    try {
      work();
    } catch (error) {
      return this.fail(undefined, error);
    }
    return this.isEmpty || this.settle(undefined);
  }

  /** Waits until nothing is pending, also after an error: what still ran after a rollback would write into the next epoch. @throws TaskFailure */
  async settle(at: TaskFailure['at']): Promise<true> {
    let failed: PromiseSettledResult<void> | undefined;
    while (!this.isEmpty) {
      const { promise, resolve, reject } = Promise.withResolvers<PromiseSettledResult<void>[]>();
      void Promise.allSettled(this.#pending.splice(0)).then(resolve);
      this.#giveUp = reject;
      this.#since = this.#clock.now();
      const settled = await promise;
      this.#since = Infinity;
      failed ??= settled.find(({ status }) => status === 'rejected');
    }
    if (failed?.status === 'rejected') throw this.#failure(at, failed.reason);
    return true;
  }

  /** Throws a TaskFailure once nothing is pending. */
  fail(at: TaskFailure['at'], error: unknown): Promise<never> {
    const failure = this.#failure(at, error);
    if (this.isEmpty) throw failure;
    const rethrow = (): never => {
      throw failure;
    };
    return this.settle(at).then(rethrow, rethrow);
  }

  /** Gives up a wait that has lasted for more than `ms`: it ends with `NO_PROGRESS`, which stops the instance. */
  giveUpAfter(ms: number): void {
    if (this.#clock.now() - this.#since <= ms) return;
    const message = `a callback of task ${this.#task} has not ended in ${ms} ms, half the session time-out`;
    this.#giveUp?.(
      new GavelError('NO_PROGRESS', message, { hint: 'let callbacks wait for no more than the scans of their stores' }),
    );
  }

  /** Forgets everything. */
  clear(): void {
    this.#pending = [];
  }

  #failure(at: TaskFailure['at'], error: unknown): TaskFailure {
    if (error instanceof TaskFailure) return error;
    const stage = error instanceof GavelError && error.code === 'PRODUCTION_FAILED' ? 'production' : 'processing';
    return new TaskFailure(this.#task, stage, at, error);
  }
}
