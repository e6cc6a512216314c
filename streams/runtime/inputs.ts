/** The inputs of an instance: one fetcher for the queues of all its tasks, with back-pressure and what to do when the log lost an offset. */

import type { Fetcher } from '../broker.ts';
import { partitionKey } from '../broker.ts';
import { isGavelError } from '../errors.ts';
import type { InputQueue } from './input-queue.ts';
import type { Settings } from './options.ts';

export class Inputs {
  readonly #settings: Settings;
  readonly #fetcher: Fetcher;
  readonly #queues = new Map<string, InputQueue>();
  readonly #onError: (error: unknown) => void;

  /** @param onReady called whenever `take` may have news */
  constructor(settings: Settings, onReady: () => void, onError: (error: unknown) => void) {
    this.#settings = settings;
    this.#onError = onError;
    this.#fetcher = settings.broker.fetcher({ maxBytesPerPartition: settings.bufferedBytesMax, onReady });
  }

  add(queues: readonly InputQueue[]): void {
    for (const queue of queues) {
      this.#queues.set(partitionKey(queue.topic, queue.partition), queue);
      this.#fetcher.assign(queue.topic, queue.partition, queue.position);
    }
  }

  remove(queues: readonly InputQueue[]): void {
    for (const { topic, partition } of queues) {
      this.#queues.delete(partitionKey(topic, partition));
      this.#fetcher.unassign(topic, partition);
    }
  }

  /** Hands what has arrived to its queues; those that are full are held back. @throws what a partition answers instead of data */
  take(): void {
    for (const fetched of this.#fetcher.poll()) {
      const queue = this.#queues.get(partitionKey(fetched.topic, fetched.partition));
      if (queue === undefined) continue;
      if (isGavelError(fetched.error, 'OFFSET_OUT_OF_RANGE')) {
        this.#reset(queue);
        continue;
      }
      if (fetched.error !== undefined) throw fetched.error;
      queue.add(fetched);
      if (queue.paused || queue.bufferedBytes <= this.#settings.bufferedBytesMax) continue;
      queue.paused = true;
      this.#fetcher.pause(queue.topic, queue.partition);
    }
  }

  /** Goes on with queues that have room again. */
  resume(): void {
    for (const queue of this.#queues.values()) {
      if (!queue.paused || queue.bufferedBytes > this.#settings.bufferedBytesMax / 2) continue;
      queue.paused = false;
      this.#fetcher.resume(queue.topic, queue.partition);
    }
  }

  /** Fetches nothing while suspended, as a stopped process would not. */
  suspend(suspended: boolean): void {
    for (const { topic, partition, paused } of this.#queues.values()) {
      if (suspended) this.#fetcher.pause(topic, partition);
      else if (!paused) this.#fetcher.resume(topic, partition);
    }
  }

  close(): Promise<void> {
    return this.#fetcher.close();
  }

  /** The log does not reach back to where the group stands: goes on as the source's reset policy says, and says so. */
  #reset(queue: InputQueue): void {
    const { broker, listeners } = this.#settings;
    const { topic, partition, node, position } = queue;
    const policy = node.kind === 'source' ? node.reset : 'earliest';
    broker.listOffsets([{ topic, partition }], policy).then(
      ([start]) => {
        if (this.#queues.get(partitionKey(topic, partition)) !== queue) return;
        const offset = start?.offset ?? 0;
        queue.position = offset;
        this.#fetcher.assign(topic, partition, offset);
        listeners.onWarning?.({
          code: 'OFFSET_OUT_OF_RANGE',
          message: `${topic}-${partition} does not have offset ${position} any more: goes on at ${offset} (reset policy ${policy})`,
        });
      },
      (error: unknown) => {
        // The fetcher finds the offset missing again, and with it this question.
        if (isGavelError(error) && error.retry === 'backoff') this.#fetcher.assign(topic, partition, position);
        else this.#onError(error);
      },
    );
  }
}
