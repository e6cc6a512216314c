/**
 * The test driver: the production engine on the memory broker and a virtual clock, with as many partitions and instances
 * as a test asks for. Killing, pausing, fencing and rebalancing are plain calls.
 */

import { setImmediate as nextTurn } from 'node:timers/promises';
import { memoryBroker } from '../broker/memory/memory-broker.ts';
import type { MemoryBroker } from '../broker/memory/memory-broker.ts';
import { memoryState } from '../stores/memory.ts';
import { GavelError } from '../streams/errors.ts';
import type { Topology } from '../streams/graph/topology.ts';
import { createTestableStreams } from '../streams/runtime/app.ts';
import type { AppStatus, TestableApp } from '../streams/runtime/app.ts';
import { ensureTopics } from '../streams/runtime/internal-topics.ts';
import { deadLetterTopic } from '../streams/runtime/dead-letter.ts';
import type { StreamsOptions } from '../streams/runtime/options.ts';
import type { QueryableStore } from '../streams/runtime/queries.ts';
import { bytesSerde } from '../streams/serde.ts';
import type { StateBackend } from '../streams/state.ts';
import type { Topic } from '../streams/topic.ts';
import { deepFreeze } from './freeze.ts';
import { batchesOf, readNew } from './topic-io.ts';
import type { InputRecord, OutputRecord } from './topic-io.ts';
import { VirtualClock } from './virtual-clock.ts';

/** Turns of the event loop without a change before something counts as quiet. */
const QUIET_TURNS = 3;
/** Turns in which nothing is heard of work under way before the clock is moved to its timer. */
const STUCK_TURNS = 50;
/** Virtual milliseconds that `settle` may move the clock for work that waits for it. */
const SETTLE_CLOCK_MAX = 120_000;
/** Turns that `settle` lasts at most. */
const SETTLE_TURNS_MAX = 5_000_000;

export interface TestDriverOptions {
  readonly topology: Topology;
  /** Default `test`. */
  readonly applicationId?: string;
  /** Instances to start with. Default 1. */
  readonly instances?: number;
  /** Milliseconds since the epoch at which the clock stands. Default 2026-01-01T00:00:00Z. */
  readonly startTime?: number;
  /** Default a new one. Share one between drivers to run two applications on the same topics. */
  readonly broker?: MemoryBroker;
  readonly clock?: VirtualClock;
  /** The state of an instance by its number; default memory of its own that survives a kill. */
  readonly state?: (instance: number) => StateBackend;
  /** Further options of every instance. */
  readonly options?: Partial<
    Omit<StreamsOptions, 'topology' | 'broker' | 'state' | 'applicationId' | 'instanceId' | 'clock'>
  >;
}

interface Slot {
  readonly state: StateBackend;
  app: TestableApp | undefined;
  failure: unknown;
}

/** @throws GavelError what the start throws */
export async function createTestDriver(options: TestDriverOptions): Promise<TestDriver> {
  const driver = new TestDriver(options);
  await driver.open();
  return driver;
}

export class TestDriver implements AsyncDisposable {
  readonly clock: VirtualClock;
  readonly broker: MemoryBroker;
  readonly applicationId: string;
  readonly #options: TestDriverOptions;
  readonly #slots: Slot[] = [];
  readonly #positions = new Map<string, Map<number, number>>();

  constructor(options: TestDriverOptions) {
    this.#options = options;
    this.clock = options.clock ?? new VirtualClock(options.startTime ?? Date.UTC(2026, 0, 1));
    this.broker = options.broker ?? memoryBroker({ clock: this.clock });
    this.applicationId = options.applicationId ?? 'test';
  }

  async open(): Promise<void> {
    await ensureTopics(this.broker, this.applicationId, this.#options.topology);
    for (let i = 0; i < (this.#options.instances ?? 1); i++) await this.start(i);
  }

  /** Sends records to a topic without processing them. */
  async send<K, V>(topic: Topic<K, V>, records: readonly InputRecord<K, V>[]): Promise<void> {
    const producer = this.broker.producer();
    await producer.produce(batchesOf(topic, records, this.clock.now()));
    await producer.close();
  }

  /** Sends records to a topic and processes until all is settled. */
  async pipe<K, V>(topic: Topic<K, V>, records: readonly InputRecord<K, V>[]): Promise<void> {
    await this.send(topic, records);
    await this.settle();
  }

  /** Committed records of a topic that were not read before, by partition and offset. */
  async read<K, V>(topic: Topic<K, V>): Promise<OutputRecord<K, V>[]> {
    let positions = this.#positions.get(topic.name);
    if (positions === undefined) this.#positions.set(topic.name, (positions = new Map()));
    const records = await readNew(this.broker, topic, positions);
    return records.sort((a, b) => a.partition - b.partition || a.offset - b.offset);
  }

  /** Dead letters of a source topic that were not read before, as bytes. */
  readDeadLetters(topic: Topic<unknown, unknown>): Promise<OutputRecord<Uint8Array, Uint8Array>[]> {
    return this.read({ ...deadLetterTopic(topic), key: bytesSerde, value: bytesSerde });
  }

  /** Waits until every instance has done what can be done now; moves the clock only where work under way waits for it. */
  async settle(): Promise<void> {
    const clockMax = this.clock.now() + SETTLE_CLOCK_MAX;
    let quiet = 0;
    let busy = 0;
    for (let turns = 0; turns < SETTLE_TURNS_MAX; turns++) {
      await nextTurn();
      this.#throwFailure();
      if (this.#isIdle()) {
        busy = 0;
        if (++quiet === QUIET_TURNS) return;
        continue;
      }
      quiet = 0;
      if (!this.broker.control.idle() || ++busy < STUCK_TURNS) continue;
      busy = 0;
      if (this.clock.nextTimer > clockMax) continue;
      this.clock.moveTo(this.clock.nextTimer);
    }
    throw new GavelError(
      'NO_PROGRESS',
      `not settled after ${SETTLE_TURNS_MAX} turns: ${JSON.stringify(this.status())}`,
    );
  }

  /** Like `settle`, but an instance that fails is killed instead; answers the numbers of those. */
  async settleOrDie(): Promise<readonly number[]> {
    const dead: number[] = [];
    for (;;) {
      try {
        await this.settle();
        return dead;
      } catch (error) {
        const i = this.#slots.findIndex(({ app, failure }) => app !== undefined && failure === error);
        if (i < 0) throw error;
        dead.push(i);
        await this.kill(i);
      }
    }
  }

  /** Moves the clock on by `ms`, stopping at every timer for what it starts to be done. */
  async advance(ms: number): Promise<void> {
    const end = this.clock.now() + ms;
    while (this.clock.nextTimer <= end) {
      this.clock.moveTo(this.clock.nextTimer);
      await this.settle();
    }
    this.clock.moveTo(Math.max(end, this.clock.now()));
    await this.settle();
  }

  /** Starts instance `i`: a new one, or one that was killed or closed, on the state that it left. */
  async start(i: number): Promise<void> {
    while (this.#slots.length <= i) {
      const state = this.#options.state?.(this.#slots.length) ?? memoryState();
      this.#slots.push({ state, app: undefined, failure: undefined });
    }
    const slot = this.#slot(i);
    if (slot.app !== undefined) throw new GavelError('ILLEGAL_STATE', `instance ${i} is running`);
    const { topology, options } = this.#options;
    const app = createTestableStreams({
      onValue: deepFreeze,
      ...options,
      applicationId: this.applicationId,
      instanceId: String(i),
      topology,
      broker: this.broker,
      state: slot.state,
      clock: this.clock,
    });
    slot.app = app;
    slot.failure = undefined;
    app.finished.catch((error: unknown) => (slot.failure = error));
    const started = app.start();
    started.catch(() => undefined); // `settle` throws the failure
    await this.settle();
    await started;
  }

  /** Instance `i` dies as by `kill -9`; its state stays. The group notices when its session has timed out. */
  async kill(i: number): Promise<void> {
    const { app } = this.#slot(i);
    this.#slot(i).app = undefined;
    await app?.kill();
  }

  /** Stops instance `i` as by SIGSTOP: no work, no heartbeats. */
  pause(i: number): void {
    this.#slot(i).app?.suspend(true);
  }

  resume(i: number): void {
    this.#slot(i).app?.suspend(false);
  }

  /** Instance `i` drains and leaves. */
  async stop(i: number): Promise<void> {
    const { app } = this.#slot(i);
    this.#slot(i).app = undefined;
    const closed = app?.close();
    await this.settle();
    await closed;
  }

  /** What stopped instance `i`, or undefined. */
  failure(i = 0): unknown {
    return this.#slot(i).failure;
  }

  status(): readonly (AppStatus | undefined)[] {
    return this.#slots.map(({ app }) => app?.status());
  }

  /** The committed view of a store on instance `i`. */
  store<K, V>(name: string, i = 0): QueryableStore<K, V> {
    const { app } = this.#slot(i);
    if (app === undefined) throw new GavelError('ILLEGAL_STATE', `instance ${i} is not running`);
    return app.store<K, V>(name);
  }

  /** Closes all instances and the broker. */
  async close(): Promise<void> {
    for (const slot of this.#slots) {
      const { app } = slot;
      slot.app = undefined;
      await (slot.failure === undefined ? app?.close() : app?.kill());
    }
    if (this.#options.broker === undefined) await this.broker.close();
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  #isIdle(): boolean {
    return this.broker.control.idle() && this.#slots.every(({ app }) => app === undefined || app.isIdle);
  }

  #throwFailure(): void {
    const failed = this.#slots.find(({ app, failure }) => app !== undefined && failure !== undefined);
    if (failed !== undefined) throw failed.failure;
  }

  #slot(i: number): Slot {
    const slot = this.#slots[i];
    if (slot === undefined) throw new GavelError('ILLEGAL_STATE', `there is no instance ${i}`);
    return slot;
  }
}
