/** A task with the position of its changelog: what the commit moves on. */

import { partitionKey } from '../broker.ts';
import type { Target } from './targets.ts';
import type { Task } from './task.ts';
import type { StateMeta } from './task-state.ts';

export interface ChangelogPosition {
  readonly topicId: string;
  readonly position: number;
  readonly leaderEpoch: number;
}

export interface RunningTaskOptions {
  readonly task: Task;
  readonly partition: number;
  /** Absent where the sub-topology logs nothing. */
  readonly changelogTarget: Target | undefined;
  readonly changelog: ChangelogPosition | undefined;
  /** True until the start positions of the inputs are committed (a group offset must exist for each). */
  readonly startUncommitted: boolean;
  /** Offsets that the group has committed for the inputs, by partition key. */
  readonly committed: { readonly [partitionKey: string]: number };
}

export class RunningTask {
  readonly task: Task;
  readonly partition: number;
  readonly changelogTarget: Target | undefined;
  startUncommitted: boolean;
  #changelog: ChangelogPosition | undefined;
  #committed: { readonly [partitionKey: string]: number };

  constructor(options: RunningTaskOptions) {
    this.task = options.task;
    this.partition = options.partition;
    this.changelogTarget = options.changelogTarget;
    this.startUncommitted = options.startUncommitted;
    this.#changelog = options.changelog;
    this.#committed = options.committed;
  }

  get id(): string {
    return this.task.id;
  }

  get isDirty(): boolean {
    return this.startUncommitted || this.task.isDirty;
  }

  get changelog(): ChangelogPosition | undefined {
    return this.#changelog;
  }

  /** Offsets that the group has committed for the inputs, by partition key. */
  get committed(): { readonly [partitionKey: string]: number } {
    return this.#committed;
  }

  /** The meta row that a commit has made true: the inputs' offsets, and where the epoch's rows went. */
  metaAfter(
    offsets: { readonly [partitionKey: string]: number },
    positions: ReadonlyMap<string, { readonly position: number; readonly leaderEpoch: number }>,
    now: number,
  ): StateMeta {
    if (this.changelogTarget === undefined || this.#changelog === undefined) return { offsets, writtenAt: now };
    const moved = positions.get(partitionKey(this.changelogTarget.topic, this.partition));
    return { changelog: { ...this.#changelog, ...moved }, offsets, writtenAt: now };
  }

  /** The meta row was written, and with it the epoch's rows. */
  advance({ changelog, offsets }: StateMeta): void {
    this.startUncommitted = false;
    this.#committed = offsets;
    this.#changelog = changelog;
  }
}
