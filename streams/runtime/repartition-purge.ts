/** Deletes what was processed from repartition topics: they are the application's own, and nobody else reads them. */

import { isGavelError } from '../errors.ts';
import { repartitionTopicName } from '../graph/topology.ts';
import type { Settings } from './options.ts';
import type { RunningTask } from './running-task.ts';

export class RepartitionPurge {
  readonly #settings: Settings;
  readonly #onError: (error: unknown) => void;
  #lastAt: number;
  #underWay = false;

  constructor(settings: Settings, onError: (error: unknown) => void) {
    this.#settings = settings;
    this.#onError = onError;
    this.#lastAt = settings.clock.now();
  }

  /** Purges up to the group's offsets, at most once per interval and one at a time. */
  run(tasks: Iterable<RunningTask>): void {
    const { clock, purgeIntervalMs } = this.#settings;
    if (this.#underWay || clock.now() - this.#lastAt < purgeIntervalMs) return;
    this.#lastAt = clock.now();
    const partitions = [...tasks].flatMap(({ task }) =>
      task.inputs
        .filter(({ node }) => node.kind === 'repartition')
        .map(({ node, partition }) => ({
          topic: repartitionTopicName(this.#settings.applicationId, node.name),
          partition,
        })),
    );
    if (partitions.length === 0) return;
    this.#underWay = true;
    this.#purge(partitions).then(
      () => (this.#underWay = false),
      (error: unknown) => {
        this.#underWay = false;
        // Offsets of a transaction that is open now: the next purge takes them.
        if (!isGavelError(error) || error.retry !== 'backoff') this.#onError(error);
      },
    );
  }

  async #purge(partitions: readonly { readonly topic: string; readonly partition: number }[]): Promise<void> {
    const { applicationId, broker } = this.#settings;
    const committed = await broker.groups.committedOffsets(applicationId, partitions);
    await broker.deleteRecords(committed);
  }
}
