/** Opens tasks: checks and restores their state, finds where their inputs go on, and builds them. */

import type { CommittedOffset, TopicDescription, TopicPartition } from '../broker.ts';
import { partitionKey } from '../broker.ts';
import { GavelError, isGavelError } from '../errors.ts';
import type { InputNode, Subtopology } from '../graph/topology.ts';
import { changelogTopicName } from '../graph/topology.ts';
import type { ReadOnlyStore } from '../processor.ts';
import type { TaskStorage } from '../state.ts';
import { InputQueue } from './input-queue.ts';
import { topicOfInput } from './internal-topics.ts';
import type { EpochMetrics } from './metrics.ts';
import type { Settings } from './options.ts';
import type { OutputBuffer } from './output-buffer.ts';
import { distrust, restoreTask } from './restore.ts';
import { sleep } from './sleep.ts';
import { RunningTask } from './running-task.ts';
import type { ChangelogPosition } from './running-task.ts';
import type { Targets } from './targets.ts';
import { TaskState } from './task-state.ts';
import type { StateMeta } from './task-state.ts';
import { Task } from './task.ts';

/** Milliseconds between two questions for offsets that an open transaction still holds. */
const UNSTABLE_RETRY_MS = 100;

export interface TaskOpenerOptions {
  readonly settings: Settings;
  readonly topics: ReadonlyMap<string, TopicDescription>;
  readonly targets: Targets;
  readonly outputs: OutputBuffer;
  readonly metrics: EpochMetrics;
  readonly tables: ReadonlyMap<string, ReadOnlyStore<unknown, unknown>>;
}

export interface OpenRequest {
  readonly id: string;
  readonly subtopology: Subtopology;
  readonly partition: number;
  readonly signal: AbortSignal;
}

export class TaskOpener {
  readonly #options: TaskOpenerOptions;
  /** Tasks whose state was found damaged while it was in use, and how. */
  readonly #damaged = new Map<string, string>();

  constructor(options: TaskOpenerOptions) {
    this.#options = options;
  }

  /**
   * Opens a task; it can run when this answers.
   * @throws GavelError `GROUP_OFFSETS_MISSING`, `STATE_AHEAD`, `STATE_LOCKED`, `CHANGELOG_POISON`
   */
  async open(request: OpenRequest): Promise<RunningTask> {
    const damage = this.#damaged.get(request.id);
    if (damage !== undefined) {
      await this.#destroy(request.id, damage);
      this.#damaged.delete(request.id);
    }
    const storage = await this.#openStorage(request.id);
    try {
      return await this.#build(request, storage);
    } catch (error) {
      await storage.close();
      if (!isGavelError(error, 'STATE_CORRUPT')) throw error;
      await this.#destroy(request.id, error.message);
      return this.open(request);
    }
  }

  /** Has the state of a task rebuilt when it is opened next: opening alone does not find every damage. */
  noteDamage(task: string, why: string): void {
    this.#damaged.set(task, why);
  }

  async #openStorage(id: string): Promise<TaskStorage> {
    const { state } = this.#options.settings;
    try {
      return await state.open(id);
    } catch (error) {
      if (!isGavelError(error, 'STATE_CORRUPT')) throw error;
      await this.#destroy(id, error.message);
      return state.open(id);
    }
  }

  async #destroy(id: string, why: string): Promise<void> {
    const { state, listeners } = this.#options.settings;
    listeners.onWarning?.({
      code: 'STATE_REBUILT',
      message: `the state of task ${id} is rebuilt from its changelog: ${why}`,
    });
    await state.destroy(id);
  }

  async #build(request: OpenRequest, storage: TaskStorage): Promise<RunningTask> {
    const { settings, outputs, targets, tables, metrics } = this.#options;
    const { id, subtopology, partition } = request;
    const taskState = new TaskState({
      storage,
      subtopology,
      ...(settings.onValue === undefined ? {} : { onValue: settings.onValue }),
    });
    const meta = taskState.meta();
    const starts = settings.processing ? await this.#startOffsets(request, meta) : { inputs: [], missing: [] };
    const changelogTopic = this.#options.topics.get(changelogTopicName(settings.applicationId, subtopology.name));
    const changelog =
      changelogTopic === undefined ? undefined : await this.#restore(request, taskState, changelogTopic);
    for (const topic of starts.missing)
      if (topic in taskState.times.partitionTimes) throw offsetsMissing(id, topic, partition);
    const inputs = starts.inputs.map(({ node, topic, offset }) => new InputQueue({ node, topic, partition, offset }));
    const task = new Task({
      id,
      subtopology,
      partition,
      state: taskState,
      inputs,
      outputs,
      targets,
      tables,
      metrics,
      clock: settings.clock,
      maxTaskIdleMs: settings.maxTaskIdleMs,
      applicationId: settings.applicationId,
      shadow: settings.topology.shadow,
    });
    return new RunningTask({
      task,
      partition,
      changelogTarget: changelogTopic === undefined ? undefined : targets.get(changelogTopic.name),
      changelog,
      startUncommitted: starts.missing.length > 0,
      committed: Object.fromEntries(starts.inputs.map(({ topic, offset }) => [partitionKey(topic, partition), offset])),
    });
  }

  async #restore(request: OpenRequest, state: TaskState, topic: TopicDescription): Promise<ChangelogPosition> {
    const { settings } = this.#options;
    const { broker, clock, listeners } = settings;
    const at = [{ topic: topic.name, partition: request.partition }];
    // Not the last stable offset: behind what someone left open there may be rows that are committed.
    const [[first], [last]] = await Promise.all([broker.listOffsets(at, 'earliest'), broker.listOffsets(at, 'end')]);
    const start = first?.offset ?? 0;
    const end = last?.offset ?? 0;
    const meta = state.meta();
    const why = distrust(meta, { topic, start, end }, clock.now());
    if (why !== undefined) throw new GavelError('STATE_CORRUPT', why);
    const from = meta?.changelog?.position ?? start;
    let restored = 0;
    const position = await restoreTask({
      broker,
      state,
      changelog: topic,
      partition: request.partition,
      from,
      end,
      now: () => clock.now(),
      signal: request.signal,
      onProgress: (records, remaining) => {
        restored += records;
        settings.metrics.count('restore_records_total', {}, records);
        listeners.onRestore?.({ task: request.id, restored, remaining });
      },
    });
    listeners.onRestore?.({ task: request.id, restored, remaining: 0 });
    return position;
  }

  /** Where each input goes on: the group's offset is the authority. */
  async #startOffsets(
    { id, subtopology, partition, signal }: OpenRequest,
    meta: StateMeta | undefined,
  ): Promise<{
    readonly inputs: readonly { readonly node: InputNode; readonly topic: string; readonly offset: number }[];
    /** Topics without an offset; refused where the state, once restored, knows them. */
    readonly missing: readonly string[];
  }> {
    const { applicationId, broker } = this.#options.settings;
    const inputs = subtopology.inputs.map((node) => ({ node, topic: topicOfInput(applicationId, node) }));
    const partitions = inputs.map(({ topic }) => ({ topic, partition }));
    const committed = await this.#committedOffsets(partitions, signal);
    const missing: string[] = [];
    const answer = [];
    for (const { node, topic } of inputs) {
      const known = committed.find((offset) => offset.topic === topic);
      const local = meta?.offsets[partitionKey(topic, partition)];
      if (known === undefined) {
        if (local !== undefined) throw offsetsMissing(id, topic, partition);
        missing.push(topic);
        const [start] = await broker.listOffsets(
          [{ topic, partition }],
          node.kind === 'source' ? node.reset : 'earliest',
        );
        answer.push({ node, topic, offset: start?.offset ?? 0 });
        continue;
      }
      if (local !== undefined && local > known.offset) {
        throw new GavelError(
          'STATE_AHEAD',
          `task ${id} has state of ${topic}-${partition} up to ${local}, but the group has committed only ${known.offset}`,
          {
            hint: 'the log lost its tail or the offsets were moved back: remove the state directory of the task, it is rebuilt from its changelog',
          },
        );
      }
      answer.push({ node, topic, offset: known.offset });
    }
    return { inputs: answer, missing };
  }

  async #committedOffsets(
    partitions: readonly TopicPartition[],
    signal: AbortSignal,
  ): Promise<readonly CommittedOffset[]> {
    const { applicationId, broker, clock } = this.#options.settings;
    for (;;) {
      try {
        return await broker.groups.committedOffsets(applicationId, partitions);
      } catch (error) {
        if (!isGavelError(error, 'UNSTABLE_OFFSETS')) throw error;
        await sleep(clock, UNSTABLE_RETRY_MS, signal);
        signal.throwIfAborted();
      }
    }
  }
}

function offsetsMissing(id: string, topic: string, partition: number): GavelError {
  return new GavelError(
    'GROUP_OFFSETS_MISSING',
    `task ${id} has state, but the group has no offset for ${topic}-${partition}`,
    {
      hint: 'the group was deleted or expired: reset the application (state and offsets together), or restore the offsets; nothing was reset by itself',
    },
  );
}
