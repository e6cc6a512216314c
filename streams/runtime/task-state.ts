/** All state of one task: its stores, the engine's own rows, and how far it has come, in one storage. */

import type { PartitionOffset } from '../broker.ts';
import type { Subtopology } from '../graph/topology.ts';
import type { StorageBatch, TaskStorage } from '../state.ts';
import { GavelError } from '../errors.ts';
import { jsonSerde } from '../serde.ts';
import { keyValueStore } from '../graph/nodes.ts';
import { ENGINE_STORE, META_KEY, rowKeyOfChangelogKey, storeOfChangelogKey } from './keys.ts';
import { TaskStore } from './task-store.ts';
import type { LogRow } from './task-store.ts';

/** How far the state in storage has come: written with every batch, in the same atomic write. */
export interface StateMeta {
  /** The changelog up to which it holds everything; absent without logged stores. */
  readonly changelog?: { readonly topicId: string; readonly position: number; readonly leaderEpoch: number };
  /** Offsets of the inputs that the group had committed with it. */
  readonly offsets: { readonly [partitionKey: string]: number };
  /** Wall clock of the write in ms: tells whether tombstones may have been missed. */
  readonly writtenAt: number;
}

/** The engine's rows of a task, logged like a store: times and schedules (semantics 3, 4). */
export interface TaskTimes {
  readonly streamTime: number;
  /** Highest record time by input topic. */
  readonly partitionTimes: { readonly [topic: string]: number };
  /** Next wake by node. */
  readonly wakes: { readonly [node: string]: number };
}

export const NO_TIMES: TaskTimes = Object.freeze({ streamTime: -1, partitionTimes: {}, wakes: {} });

const engineStore = keyValueStore<string, TaskTimes>({
  name: ENGINE_STORE,
  key: { serialize: (value, sink) => textInto(value, sink), deserialize: (bytes) => bytes.toString('latin1') },
  value: jsonSerde<TaskTimes>(),
});
const TIMES = 'times';
const metaSerde = jsonSerde<StateMeta>();

export interface TaskStateOptions {
  readonly storage: TaskStorage;
  readonly subtopology: Subtopology;
  /** Sees every value that enters a store. */
  readonly onValue?: (value: unknown) => unknown;
}

export class TaskState {
  readonly storage: TaskStorage;
  readonly stores: ReadonlyMap<string, TaskStore<unknown, unknown>>;
  readonly #engine: TaskStore<string, TaskTimes>;
  readonly #byId: ReadonlyMap<string, TaskStore<unknown, unknown>>;

  constructor({ storage, subtopology, onValue }: TaskStateOptions) {
    this.storage = storage;
    this.stores = new Map([...subtopology.stores].map(([name, spec]) => [name, new TaskStore(spec, storage, onValue)]));
    this.#engine = new TaskStore(engineStore, storage);
    this.#byId = new Map([...this.stores, [ENGINE_STORE, this.#engine as TaskStore<unknown, unknown>]]);
  }

  /** @throws GavelError `STATE_CORRUPT` where the row cannot be read. */
  meta(): StateMeta | undefined {
    const bytes = this.storage.get(META_KEY);
    if (bytes === undefined) return undefined;
    try {
      return metaSerde.deserialize(bytes);
    } catch (cause) {
      throw new GavelError('STATE_CORRUPT', 'the position row of the state cannot be read', { cause });
    }
  }

  get times(): TaskTimes {
    return this.#engine.get(TIMES) ?? NO_TIMES;
  }

  set times(times: TaskTimes) {
    this.#engine.put(TIMES, times);
  }

  /** Rows changed in the open epoch. */
  get openRows(): number {
    let rows = 0;
    for (const store of this.stores.values()) rows += store.openRows;
    return rows;
  }

  freeze(): void {
    for (const store of this.#byId.values()) store.freeze();
  }

  rollback(): void {
    for (const store of this.#byId.values()) store.rollback();
  }

  applied(): void {
    for (const store of this.#byId.values()) store.applied();
  }

  *encode(batch: StorageBatch, log: LogRow): Generator<void, void, void> {
    for (const store of this.#byId.values()) yield* store.encode(batch, log);
  }

  writeMeta(batch: StorageBatch, meta: StateMeta): void {
    batch.put(META_KEY, Buffer.from(JSON.stringify(meta)));
  }

  /** Applies one record of the changelog. @throws GavelError `CHANGELOG_POISON`. */
  restore(batch: StorageBatch, changelogKey: Buffer, value: Buffer | null): void {
    const name = storeOfChangelogKey(changelogKey);
    const store = this.#byId.get(name);
    const rowKey = rowKeyOfChangelogKey(changelogKey);
    if (store === undefined) {
      // A store of another version of the topology: kept, so that rolling back finds it.
      if (value === null) batch.delete(rowKey);
      else batch.put(rowKey, value);
      return;
    }
    try {
      store.restore(batch, rowKey, value);
    } catch (cause) {
      throw new GavelError('CHANGELOG_POISON', `a changelog row of store "${name}" cannot be read`, {
        cause,
        hint: 'the changelog or the serde of the store is broken; nothing was changed',
      });
    }
  }
}

/** Offsets as the map that `StateMeta` keeps. */
export function offsetsByPartition(offsets: readonly PartitionOffset[]): { [partitionKey: string]: number } {
  return Object.fromEntries(offsets.map(({ topic, partition, offset }) => [`${topic}:${partition}`, offset]));
}

function textInto(value: string, sink: { buffer: Buffer; position: number; reserve(bytes: number): void }): void {
  sink.reserve(value.length);
  sink.position += sink.buffer.write(value, sink.position, 'latin1');
}
