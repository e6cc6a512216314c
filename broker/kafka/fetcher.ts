/** Fetches partitions from the brokers that lead them: the next data is on its way while the last is processed. */

import type { FetchedPartition, Fetcher, FetcherOptions } from '../../streams/broker.ts';
import { partitionKey } from '../../streams/broker.ts';
import type { GavelError } from '../../streams/errors.ts';
import { GavelError as Failure, isGavelError } from '../../streams/errors.ts';
import { FETCH_BYTES_DEFAULT } from '../log-fetcher.ts';
import type { Cluster, Leader } from './cluster.ts';
import { Connections } from './connections.ts';
import type { ConnectionSettings } from './connections.ts';
import { errorName, isPassing, isPassingName, kafkaError, namedError } from './errors.ts';
import type { FetchAnswer } from './fetch-request.ts';
import { fetchApi } from './fetch-request.ts';
import { readCommitted } from './read-committed.ts';

/** Milliseconds that a broker waits for data. */
const MAX_WAIT_MS = 500;
/**
 * Connections per broker: a request that waits for data of idle partitions holds up all behind it on its connection,
 * so partitions that are wanted again meanwhile take the other.
 */
const LANES = 2;

interface Assigned {
  readonly topic: string;
  readonly partition: number;
  offset: number;
  paused: boolean;
  /** A request for it is under way, or waits for its next try. */
  inFlight: boolean;
  arrived: FetchedPartition | undefined;
  /** Nothing has arrived yet: the first answer tells the end of the log, even where it brings no data. */
  first: boolean;
  tries: number;
}

export interface KafkaFetcherOptions extends FetcherOptions {
  readonly cluster: Cluster;
  readonly settings: ConnectionSettings;
  readonly onClose: () => void;
}

/** At most one answer per partition waits to be taken, and while it does nothing more of the partition is asked for. */
export class KafkaFetcher implements Fetcher {
  readonly #cluster: Cluster;
  readonly #maxBytes: number;
  readonly #onReady: () => void;
  readonly #onClose: () => void;
  readonly #lanes: readonly Connections[];
  /** Broker → the lanes that carry a request. */
  readonly #busy = new Map<number, Set<Connections>>();
  readonly #assigned = new Map<string, Assigned>();
  readonly #arrived = new Set<Assigned>();
  #pumping = false;
  #announced = false;
  #closed = false;
  #turn = 0;

  constructor({ cluster, settings, maxBytesPerPartition, onReady, onClose }: KafkaFetcherOptions) {
    this.#cluster = cluster;
    this.#maxBytes = maxBytesPerPartition ?? FETCH_BYTES_DEFAULT;
    this.#onReady = onReady ?? (() => undefined);
    this.#onClose = onClose;
    this.#lanes = Array.from({ length: LANES }, () => new Connections(settings));
  }

  assign(topic: string, partition: number, offset: number): void {
    this.unassign(topic, partition);
    this.#assigned.set(partitionKey(topic, partition), {
      topic,
      partition,
      offset,
      paused: false,
      inFlight: false,
      arrived: undefined,
      first: true,
      tries: 0,
    });
    this.#pumpSoon();
  }

  unassign(topic: string, partition: number): void {
    const key = partitionKey(topic, partition);
    const assigned = this.#assigned.get(key);
    if (assigned === undefined) return;
    this.#assigned.delete(key);
    this.#arrived.delete(assigned);
  }

  pause(topic: string, partition: number): void {
    const assigned = this.#assigned.get(partitionKey(topic, partition));
    if (assigned !== undefined) assigned.paused = true;
  }

  resume(topic: string, partition: number): void {
    const assigned = this.#assigned.get(partitionKey(topic, partition));
    if (assigned === undefined || !assigned.paused) return;
    assigned.paused = false;
    if (assigned.arrived === undefined) this.#pumpSoon();
    else this.#announce();
  }

  poll(): readonly FetchedPartition[] {
    const taken: FetchedPartition[] = [];
    for (const assigned of this.#arrived) {
      const { arrived, paused, topic, partition } = assigned;
      if (paused || arrived === undefined) continue;
      this.#arrived.delete(assigned);
      assigned.arrived = undefined;
      if (arrived.error !== undefined) this.unassign(topic, partition);
      taken.push(arrived);
    }
    if (taken.length > 0) this.#pumpSoon();
    return taken;
  }

  async close(): Promise<void> {
    if (this.#closed) return;
    this.#closed = true;
    this.#assigned.clear();
    this.#arrived.clear();
    this.#onClose();
    await Promise.all(this.#lanes.map((lane) => lane.close()));
  }

  /** Later than now, so that partitions which are assigned or taken together are asked for together. */
  #pumpSoon(): void {
    if (this.#pumping || this.#closed) return;
    this.#pumping = true;
    queueMicrotask(() => {
      this.#pumping = false;
      if (!this.#closed) this.#pump();
    });
  }

  /** Asks for whatever is wanted and not asked for yet, of each broker that has a lane free. */
  #pump(): void {
    const wanted = new Map<number, { readonly leader: Leader; readonly list: Assigned[] }>();
    for (const assigned of this.#assigned.values()) {
      if (assigned.paused || assigned.inFlight || assigned.arrived !== undefined) continue;
      const leader = this.#cluster.leader(assigned.topic, assigned.partition);
      if (leader === undefined) {
        void this.#locate(assigned);
        continue;
      }
      const known = wanted.get(leader.nodeId);
      if (known === undefined) wanted.set(leader.nodeId, { leader, list: [assigned] });
      else known.list.push(assigned);
    }
    for (const { leader, list } of wanted.values()) {
      let busy = this.#busy.get(leader.nodeId);
      if (busy === undefined) this.#busy.set(leader.nodeId, (busy = new Set()));
      const lane = this.#lanes.find((each) => !busy.has(each));
      if (lane !== undefined) void this.#fetch(leader, lane, busy, list);
    }
  }

  async #fetch(leader: Leader, lane: Connections, busy: Set<Connections>, list: readonly Assigned[]): Promise<void> {
    busy.add(lane);
    // Each answer has room for whole batches of the first partition at least: let it be another one each time.
    const from = this.#turn++ % list.length;
    const ordered = [...list.slice(from), ...list.slice(0, from)];
    const maxWaitMs = list.some(({ first }) => first) ? 0 : MAX_WAIT_MS;
    const maxBytes = this.#maxBytes;
    const partitions = ordered.map(({ topic, partition, offset }) => ({ topic, partition, offset, maxBytes }));
    for (const assigned of list) assigned.inFlight = true;
    try {
      const answers = await fetchApi.async(await lane.get(leader), { maxWaitMs, partitions });
      const byKey = new Map(list.map((assigned) => [partitionKey(assigned.topic, assigned.partition), assigned]));
      for (const answer of answers) {
        const assigned = byKey.get(partitionKey(answer.topic, answer.partition));
        if (assigned !== undefined) this.#take(assigned, answer);
      }
    } catch (error) {
      for (const assigned of list) {
        if (isPassing(error)) void this.#locate(assigned);
        else this.#arrive(assigned, { error: kafkaError(error, `fetch ${assigned.topic}:${assigned.partition}`) });
      }
    } finally {
      busy.delete(lane);
      this.#pumpSoon();
    }
  }

  #take(assigned: Assigned, answer: FetchAnswer): void {
    const { topic, partition } = assigned;
    if (answer.errorCode !== 0) {
      const name = errorName(answer.errorCode);
      const error = namedError(name, `fetch ${topic}:${partition} from ${assigned.offset}`);
      if (isPassingName(name) || error.code === 'TOPIC_UNKNOWN') void this.#locate(assigned);
      else this.#arrive(assigned, { error });
      return;
    }
    try {
      const { batches, position } = readCommitted(answer.records, assigned.offset, answer.aborted);
      this.#arrive(assigned, { batches, position, lastStableOffset: answer.lastStableOffset });
    } catch (error) {
      const text = `${topic}:${partition} cannot be read at ${assigned.offset}`;
      this.#arrive(assigned, { error: new Failure('LOG_CORRUPT', text, { cause: error }) });
    }
  }

  #arrive(
    assigned: Assigned,
    data: Pick<FetchedPartition, 'batches' | 'position' | 'lastStableOffset'> | { readonly error: GavelError },
  ): void {
    assigned.inFlight = false;
    assigned.tries = 0;
    const { topic, partition, offset: from, first } = assigned;
    if (this.#assigned.get(partitionKey(topic, partition)) !== assigned) return;
    if ('error' in data) {
      assigned.arrived = { topic, partition, batches: [], from, position: from, lastStableOffset: -1, ...data };
    } else {
      if (!first && data.position === from) return;
      assigned.first = false;
      assigned.offset = data.position;
      assigned.arrived = { topic, partition, from, ...data };
    }
    this.#arrived.add(assigned);
    this.#announce();
  }

  /** Looks again who leads the partition, then fetches it. */
  async #locate(assigned: Assigned): Promise<void> {
    assigned.inFlight = true;
    const { topic, partition } = assigned;
    try {
      if (assigned.tries++ > 0) await this.#cluster.pause(assigned.tries);
      if (this.#closed || this.#assigned.get(partitionKey(topic, partition)) !== assigned) return;
      await this.#cluster.refresh([topic]);
      await this.#cluster.locate([assigned]);
      assigned.inFlight = false;
      this.#pumpSoon();
    } catch (error) {
      if (this.#closed) return;
      if (isGavelError(error, 'BROKER_UNAVAILABLE')) return this.#locate(assigned);
      this.#arrive(assigned, { error: kafkaError(error, `find ${topic}:${partition}`) });
    }
  }

  #announce(): void {
    if (this.#announced) return;
    this.#announced = true;
    queueMicrotask(() => {
      this.#announced = false;
      if (this.#closed) return;
      for (const { paused } of this.#arrived) if (!paused) return this.#onReady();
    });
  }
}
