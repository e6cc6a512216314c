/** The whole system in one process: engine, simulator, metrics, local socket and live view, started in order and stopped in reverse. */

import { monitorEventLoopDelay } from 'node:perf_hooks';

import { recordProducer, serveBroker } from 'gavel/broker';
import type { InstanceState, StreamsApp } from 'gavel/streams';
import { systemClock } from 'gavel/streams';

import type { FaultShares } from '../../generator/faults.ts';
import { LiveMarket } from '../../generator/live.ts';
import { beginRun } from '../../generator/run-file.ts';
import { sizeOf } from '../data-directory.ts';
import { publishEndpoint, socketPath } from '../endpoint.ts';
import type { Logger } from '../log.ts';
import { Metrics } from '../metrics.ts';
import { openMetricsServer } from '../metrics-server.ts';
import { answerCall, localQueries } from '../owner-queries.ts';
import type { Platform } from '../platform.ts';
import { createEngine } from '../platform.ts';
import { runFeed } from './feed.ts';
import { MarketView } from './market-view.ts';
import type { Surroundings } from './screen.ts';

export interface SystemOptions {
  readonly platform: Platform;
  readonly port: number;
  readonly log: Logger;
  /** Undefined: no simulated market. */
  readonly market: MarketSettings | undefined;
}

export interface MarketSettings {
  readonly seed: string;
  readonly bidsPerSecond: number;
  readonly shills: number;
  readonly faults: FaultShares;
}

const SIZE_EVERY_MS = 5_000;

export class System implements AsyncDisposable {
  readonly view = new MarketView();
  /** Where metrics and health are served. */
  address = '';
  readonly #options: SystemOptions;
  readonly #metrics = new Metrics();
  readonly #engine: StreamsApp;
  readonly #stack = new AsyncDisposableStack();
  readonly #stop = new AbortController();
  readonly #startedAt = Date.now();
  readonly #delays = monitorEventLoopDelay({ resolution: 10 });
  readonly #failure = Promise.withResolvers<never>();
  #market: LiveMarket | undefined;
  #dataBytes = 0;
  /** The last one of the engine. */
  #warning: string | undefined;
  #stateShown: InstanceState | undefined;

  private constructor(options: SystemOptions) {
    const { platform, log } = options;
    this.#options = options;
    this.#engine = createEngine(platform, {
      metrics: this.#metrics,
      listeners: {
        onWarning: ({ code, message }) => {
          log.warn({ code }, message);
          this.#warning = `${code}: ${message}`;
        },
      },
    });
    this.#failure.promise.catch(() => undefined); // told by `failed`
  }

  /** Answers when bids are judged. @throws GavelError `OPTION_INVALID` where the port is taken, and what the engine throws */
  static async start(options: SystemOptions): Promise<System> {
    const system = new System(options);
    try {
      await system.#start();
      return system;
    } catch (error) {
      await system[Symbol.asyncDispose]();
      throw error;
    }
  }

  /** Never resolves; rejects with what stopped a part of the system. */
  get failed(): Promise<never> {
    return this.#failure.promise;
  }

  get surroundings(): Surroundings {
    const { directory } = this.#options.platform;
    return {
      now: Date.now(),
      startedAt: this.#startedAt,
      dataDir: directory.path,
      dataBytes: this.#dataBytes,
      address: this.address,
      lag: this.#judgeInputs().reduce((sum, { lag }) => sum + Math.max(0, lag), 0),
      warning: this.#warning,
    };
  }

  /** Stops the market, finishes what was taken, closes everything. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.#market?.stop().catch(() => undefined); // told by `failed`
    await this.#engine.close().catch(() => undefined); // told by `failed`
    this.#stop.abort();
    await this.#stack.disposeAsync();
  }

  async #start(): Promise<void> {
    const { platform, port } = this.#options;
    const { directory, broker, registryUrl } = platform;
    this.#delays.enable();
    this.#stack.defer(() => void this.#delays.disable());
    const server = await openMetricsServer({
      port,
      metrics: this.#metrics,
      collect: () => this.#collect(),
      notReady: () => (this.#engine.state === 'running' ? undefined : `the engine is ${this.#engine.state}`),
    });
    this.#stack.use(server);
    this.address = server.address;
    this.#watch(this.#engine.finished);
    await this.#engine.start();
    const queries = localQueries(this.#engine);
    const socket = socketPath(directory.path);
    this.#stack.use(
      await serveBroker(broker, { path: socket, call: (method, args) => answerCall(queries, method, args) }),
    );
    this.#stack.use(
      await publishEndpoint(directory.endpoint, { socket, registryUrl, address: this.address, pid: process.pid }),
    );
    this.#watch(this.#feed());
    await this.#openMarket();
    await this.#measureSize();
    const timer = setInterval(() => this.#watch(this.#measureSize()), SIZE_EVERY_MS);
    this.#stack.defer(() => clearInterval(timer));
  }

  async #openMarket(): Promise<void> {
    const { market, platform } = this.#options;
    if (market === undefined) return;
    const { broker, directory, topics } = platform;
    const sender = recordProducer(broker);
    this.#stack.defer(() => sender.close());
    const run = await beginRun(directory.market, Date.now());
    this.#market = LiveMarket.start({ ...market, run, topics, sender, clock: systemClock });
    this.#watch(this.#market.done);
  }

  #feed(): Promise<void> {
    const { broker, topics } = this.#options.platform;
    return runFeed({
      broker,
      topics,
      view: this.view,
      signal: this.#stop.signal,
      onPrice: (price) => this.#market?.observe(price),
    });
  }

  /** What fails in the background ends the whole. */
  #watch(work: Promise<unknown>): void {
    work.catch((error: unknown) => this.#failure.reject(error));
  }

  async #measureSize(): Promise<void> {
    this.#dataBytes = await sizeOf(this.#options.platform.directory.path);
  }

  #judgeInputs() {
    const { tasks } = this.#engine.status();
    return tasks.filter(({ subtopology }) => subtopology === 'judge').flatMap(({ inputs }) => inputs);
  }

  #collect(): void {
    const { tasks, state } = this.#engine.status();
    if (this.#stateShown !== undefined) this.#metrics.gauge('instance_state', 0, { state: this.#stateShown });
    this.#metrics.gauge('instance_state', 1, { state });
    this.#stateShown = state;
    this.#metrics.gauge('tasks_assigned', tasks.length, { role: 'active' });
    this.#metrics.gauge('auctions_open', this.view.openAuctions, {});
    for (const { topic, partition, lag } of tasks.flatMap(({ inputs }) => inputs)) {
      this.#metrics.gauge('consumer_lag_records', Math.max(0, lag), { topic, partition: String(partition) });
    }
    this.#metrics.gauge('event_loop_lag_seconds', this.#delays.percentile(99) / 1e9, {});
    this.#delays.reset();
  }
}
