/** At most one commit under way while the next epoch is processed. */

import type { GroupMember } from '../broker.ts';
import type { CommitPorts } from './commit.ts';
import { commitEpoch, flushTasks, freezeEpoch } from './commit.ts';
import type { OutputBuffer } from './output-buffer.ts';
import type { RunningTask } from './running-task.ts';

export class CommitPipeline {
  /** Commits that succeeded. */
  commits = 0;
  /** Clock time of the last cut. */
  lastCut = -Infinity;

  readonly #ports: CommitPorts;
  readonly #onDone: () => void;
  #underWay: Promise<void> | undefined;
  #failure: Error | undefined;
  #waiting: (() => void)[] = [];

  /** @param onDone called when a commit has ended, well or not */
  constructor(ports: CommitPorts, onDone: () => void) {
    this.#ports = ports;
    this.#onDone = onDone;
  }

  get isFree(): boolean {
    return this.#underWay === undefined && this.#failure === undefined;
  }

  /** The first step of the cut. Nothing may be processed until `start`. @throws TaskFailure */
  flush(tasks: readonly RunningTask[]): Promise<void> {
    return flushTasks(tasks, this.#ports);
  }

  /** Freezes the open epoch at once and goes on to commit it while the next one is processed. */
  start(tasks: readonly RunningTask[], outputs: OutputBuffer, member: GroupMember): void {
    const epoch = freezeEpoch(tasks, outputs, member, this.#ports);
    this.lastCut = this.#ports.clock.now();
    const begin = performance.now();
    this.#underWay = commitEpoch(epoch, this.#ports).then(
      () => {
        this.commits++;
        this.#end(begin, 'committed');
      },
      (error: unknown) => {
        this.#failure = error instanceof Error ? error : new Error(String(error));
        this.#end(begin, 'failed');
      },
    );
  }

  /** Resolves when no commit is under way. */
  async settled(): Promise<void> {
    await this.#underWay;
  }

  /** Resolves at the end of the next commit, well or not, or when told. */
  next(): Promise<void> {
    return new Promise((resolve) => this.#waiting.push(resolve));
  }

  tellWaiting(): void {
    for (const resolve of this.#waiting.splice(0)) resolve();
  }

  /** The error of a commit that failed; while it stands nothing can be committed. */
  get failure(): Error | undefined {
    return this.#failure;
  }

  /** The open epoch was dropped too, so that all goes on at the group's offsets. */
  forgetFailure(): void {
    this.#failure = undefined;
  }

  #end(begin: number, outcome: string): void {
    this.#underWay = undefined;
    this.#ports.metrics.count('commits_total', { outcome }, 1);
    this.#ports.metrics.observe('commit_duration_seconds', (performance.now() - begin) / 1_000, {});
    this.tellWaiting();
    this.#onDone();
  }
}
