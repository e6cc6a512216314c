/** Instances of one application on a memory broker, driven turn by turn: nothing here waits for the work to settle. */

import { setImmediate as nextTurn } from 'node:timers/promises';
import { memoryBroker } from 'gavel/broker';
import type { MemoryBroker } from 'gavel/broker';
import { memoryState } from 'gavel/stores';
import { isGavelError } from 'gavel/streams';
import type { InputNode, StateBackend, StreamsOptions, Topology } from 'gavel/streams';
import { VirtualClock } from 'gavel/testing';
import { ensureTopics } from '../../../streams/runtime/internal-topics.ts';
import { createTestableStreams } from '../../../streams/runtime/app.ts';
import type { TestableApp } from '../../../streams/runtime/app.ts';
import { deepFreeze } from '../../../testing/freeze.ts';

/** Calls of the broker that a fault can be asked for. */
export const OPERATIONS = [
  'init',
  'produce',
  'commitOffsets',
  'commit',
  'fetch',
  'join',
  'sync',
  'heartbeat',
  'committedOffsets',
  'listOffsets',
] as const;

export type Disturbance =
  | { readonly kind: 'fault'; readonly operation: (typeof OPERATIONS)[number]; readonly applied: boolean }
  | { readonly kind: 'delay'; readonly operation: (typeof OPERATIONS)[number]; readonly turns: number };

export interface Slot {
  readonly state: StateBackend;
  app: TestableApp | undefined;
  failure: unknown;
}

export class World {
  readonly clock = new VirtualClock(1_000_000);
  readonly broker: MemoryBroker = memoryBroker({ clock: this.clock });
  readonly slots: readonly Slot[];
  /** Codes of what stopped instances by themselves. */
  readonly failures: string[] = [];
  readonly #topology: Topology;
  readonly #options: Partial<StreamsOptions>;
  #disturbances: Disturbance[] = [];
  /** Transactional ids whose requests are held back, with what lets them go. */
  readonly #held = new Map<string, PromiseWithResolvers<void>>();

  constructor(topology: Topology, instances: number, options: Partial<StreamsOptions> = {}) {
    this.#topology = topology;
    this.#options = options;
    this.slots = Array.from({ length: instances }, () => ({
      state: memoryState(),
      app: undefined,
      failure: undefined,
    }));
    // Another instance may be the one that calls `init` with the id.
    this.broker.control.intercept(({ operation, transactionalId }) =>
      operation === 'init' ? undefined : this.#held.get(transactionalId ?? '')?.promise,
    );
    const sources = new Set(topology.subtopologies.flatMap(({ inputs }) => inputs.map(inputTopic)));
    this.broker.control.intercept(({ operation, topic }) => {
      // Whoever feeds the sources is no part of what is tested.
      if (operation === 'produce' && topic !== undefined && sources.has(topic)) return undefined;
      const at = this.#disturbances.findIndex((disturbance) => disturbance.operation === operation);
      const [disturbance] = at < 0 ? [] : this.#disturbances.splice(at, 1);
      if (disturbance === undefined) return undefined;
      if (disturbance.kind === 'delay') return this.turns(disturbance.turns);
      return disturbance.applied ? 'apply-then-fail' : 'fail';
    });
  }

  createTopics(): Promise<unknown> {
    return ensureTopics(this.broker, 'test', this.#topology);
  }

  async turns(n: number): Promise<void> {
    for (let i = 0; i < n; i++) await nextTurn();
  }

  /** Moves the clock in small steps, with some turns of the loop at each. */
  async pass(ms: number, turns = 6): Promise<void> {
    for (let left = ms; left > 0; left -= 500) {
      this.clock.moveTo(this.clock.now() + Math.min(left, 500));
      await this.turns(turns);
    }
  }

  /** Starts an instance that does not run; does not wait for it. */
  start(i: number): void {
    const slot = this.#slot(i);
    if (slot.app !== undefined) return;
    const app = createTestableStreams({
      onValue: deepFreeze,
      ...this.#options,
      applicationId: 'test',
      instanceId: String(i),
      topology: this.#topology,
      broker: this.broker,
      state: slot.state,
      clock: this.clock,
    });
    slot.app = app;
    slot.failure = undefined;
    app.finished.catch((error: unknown) => {
      slot.failure = error;
      this.failures.push(isGavelError(error) ? error.code : String(error));
    });
    app.start().catch(() => undefined); // told by `finished`
  }

  /** Kills an instance; what it had sent arrives. */
  async kill(i: number): Promise<void> {
    const slot = this.#slot(i);
    const { app } = slot;
    slot.app = undefined;
    this.#letGo(i);
    await app?.kill();
  }

  /** Drains an instance in the background. */
  stop(i: number): void {
    const slot = this.#slot(i);
    const { app } = slot;
    if (app === undefined) return;
    this.resume(i);
    const gone = (): void => {
      if (slot.app === app) slot.app = undefined;
    };
    app.close().then(gone, gone);
  }

  pause(i: number): void {
    const { app } = this.#slot(i);
    if (app === undefined || this.#held.has(`test-${i}`)) return;
    app.suspend(true);
    this.#held.set(`test-${i}`, Promise.withResolvers());
  }

  resume(i: number): void {
    this.#letGo(i);
    this.#slot(i).app?.suspend(false);
  }

  /** The n-th member of the group is out. */
  async expire(n: number): Promise<void> {
    const { members } = await this.broker.groups.describe('test');
    const member = members[n % Math.max(1, members.length)];
    if (member !== undefined) this.broker.control.expire(member.memberId);
  }

  disturb(disturbance: Disturbance): void {
    this.#disturbances.push(disturbance);
  }

  /** Ends every disturbance, starts what does not run and waits until all have nothing more to do. */
  async heal(): Promise<void> {
    this.#disturbances = [];
    for (let i = 0; i < this.slots.length; i++) this.resume(i);
    for (let round = 0; round < 60; round++) {
      for (const [i, slot] of this.slots.entries()) {
        if (slot.failure !== undefined) await this.kill(i);
        this.start(i);
      }
      await this.pass(10_000);
      const running = this.slots.every(({ app }) => app?.state === 'running' && app.isIdle);
      if (running && round > 8) return;
    }
    throw new Error(`not healed: ${JSON.stringify(this.slots.map(({ app }) => app?.status()))}`);
  }

  async close(): Promise<void> {
    for (let i = 0; i < this.slots.length; i++) await this.kill(i);
    await this.broker.close();
  }

  #letGo(i: number): void {
    this.#held.get(`test-${i}`)?.resolve();
    this.#held.delete(`test-${i}`);
  }

  #slot(i: number): Slot {
    return this.slots[i] as Slot;
  }
}

function inputTopic(input: InputNode): string {
  return input.kind === 'source' ? input.topic.name : '';
}
