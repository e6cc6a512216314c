/** What a part of a step left running: the next part waits for it, also where one has failed. */

import { GavelError } from '../errors.ts';
import { TaskFailure } from './task-failure.ts';

export class PendingWork {
  readonly #task: string;
  #pending: Promise<void>[] = [];

  /** @param task named in the failures */
  constructor(task: string) {
    this.#task = task;
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
      const settled = await Promise.allSettled(this.#pending.splice(0));
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
