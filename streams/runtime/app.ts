/** The application: what a user starts, watches, asks and closes. */

import type { ChangelogPosition } from './running-task.ts';
import { Instance } from './instance.ts';
import type { InstanceState, StreamsOptions } from './options.ts';
import { resolveOptions } from './options.ts';
import { queryStore } from './queries.ts';
import type { QueryableStore } from './queries.ts';

export interface InputStatus {
  readonly topic: string;
  readonly partition: number;
  /** Next offset to process. */
  readonly position: number;
  /** Offset that the group has committed: everything below is judged for good. */
  readonly committed: number;
  /** End of the log as last seen; -1 = not known yet. */
  readonly end: number;
  /** Records between `position` and `end`; -1 = not known yet. */
  readonly lag: number;
}

export interface TaskStatus {
  readonly id: string;
  readonly subtopology: string;
  readonly partition: number;
  readonly streamTime: number;
  /** Next moment at which something is due, or null. */
  readonly nextWake: number | null;
  readonly inputs: readonly InputStatus[];
  readonly changelog: ChangelogPosition | null;
}

export interface AppStatus {
  readonly applicationId: string;
  readonly instanceId: string;
  readonly state: InstanceState;
  readonly commits: number;
  /** Milliseconds of the longest stretch of processing without a yield. */
  readonly longestStretchMs: number;
  readonly tasks: readonly TaskStatus[];
}

export interface StreamsApp extends AsyncDisposable {
  readonly state: InstanceState;
  /** Resolves when closed; rejects with what stopped the instance. */
  readonly finished: Promise<void>;
  /** Creates missing topics, joins the group, restores. Answers when the first assignment runs. Throws what stopped it. */
  start(): Promise<void>;
  /** Holds processing back without giving up tasks; `resume` goes on. */
  pause(): void;
  resume(): void;
  /** Drains: stops fetching, finishes what was taken, commits, leaves the group. Throws nothing that `finished` already told. */
  close(): Promise<void>;
  status(): AppStatus;
  /** The committed view of a store. @throws GavelError `STORE_UNKNOWN` */
  store<K, V>(name: string): QueryableStore<K, V>;
}

/** For the test driver: an application that can also be killed and stopped like a process. */
export interface TestableApp extends StreamsApp {
  readonly isIdle: boolean;
  kill(): Promise<void>;
  suspend(suspended: boolean): void;
}

/**
 * Makes an application; nothing happens before `start`.
 * @throws GavelError `OPTION_INVALID` naming every fault
 */
export function createStreams(options: StreamsOptions): StreamsApp {
  return createTestableStreams(options);
}

export function createTestableStreams(options: StreamsOptions): TestableApp {
  const settings = resolveOptions(options);
  const instance = new Instance(settings);
  return {
    get state() {
      return instance.state;
    },
    get isIdle() {
      return instance.isIdle;
    },
    finished: instance.finished,
    start: () => instance.start(),
    close: () => instance.close(),
    pause: () => instance.pause(true),
    resume: () => instance.pause(false),
    kill: () => instance.kill(),
    suspend: (suspended) => instance.suspend(suspended),
    status: () => statusOf(instance),
    store: (name) => queryStore(instance, name),
    [Symbol.asyncDispose]: () => instance.close(),
  };
}

function statusOf(instance: Instance): AppStatus {
  const { applicationId, instanceId } = instance.settings;
  const tasks = [...instance.tasks].map((running): TaskStatus => {
    const { task, partition, committed, changelog } = running;
    return {
      id: task.id,
      subtopology: task.options.subtopology.name,
      partition,
      streamTime: task.streamTime,
      nextWake: task.nextWake === Infinity ? null : task.nextWake,
      inputs: task.inputs.map((input) => ({
        topic: input.topic,
        partition: input.partition,
        position: input.committable,
        committed: committed[`${input.topic}:${input.partition}`] ?? -1,
        end: input.lastStableOffset,
        lag: input.lastStableOffset < 0 ? -1 : Math.max(0, input.lastStableOffset - input.committable),
      })),
      changelog: changelog ?? null,
    };
  });
  const { state, commits } = instance;
  const { longestStretchMs } = instance.tasks;
  return {
    applicationId,
    instanceId,
    state,
    commits,
    longestStretchMs,
    tasks: tasks.sort((a, b) => (a.id < b.id ? -1 : 1)),
  };
}
