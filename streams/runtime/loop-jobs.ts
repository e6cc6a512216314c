/** Jobs for the moments between two slices of a loop, when nothing is being processed. */

export class LoopJobs {
  readonly #onJob: () => void;
  #jobs: (() => Promise<void>)[] = [];
  #ended = false;

  /** @param onJob called when there is one */
  constructor(onJob: () => void) {
    this.#onJob = onJob;
  }

  /** Runs `job` between two slices; at once where the loop has ended. */
  async run<T>(job: () => T | Promise<T>): Promise<T> {
    if (this.#ended) return job();
    const { promise, resolve, reject } = Promise.withResolvers<T>();
    this.#jobs.push(async () => {
      try {
        resolve(await job());
      } catch (error) {
        reject(error);
      }
    });
    this.#onJob();
    return promise;
  }

  /** Called by the loop between two slices. */
  async take(): Promise<void> {
    for (const job of this.#jobs.splice(0)) await job();
  }

  /** Called by the loop at its end. */
  async end(): Promise<void> {
    this.#ended = true;
    await this.take();
  }
}
