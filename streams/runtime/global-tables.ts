/** Global tables: every partition of a topic as a map in memory, on each instance. Display and look-ups only. */

import type { Fetcher, PartitionOffset, TopicPartition } from '../broker.ts';
import { isGavelError, toGavelError } from '../errors.ts';
import type { GlobalTableNode } from '../graph/nodes.ts';
import type { ReadOnlyStore } from '../processor.ts';
import { SerdeNotReady, serializeToBuffer } from '../serde.ts';
import { BatchReader } from '../record-batch/index.ts';
import type { Settings } from './options.ts';
import { sleep } from './sleep.ts';
import { Wakeup } from './wakeup.ts';

/** Milliseconds before a value that needs something unreachable is tried again. */
const BACKOFF_MS = 500;

export class GlobalTables {
  readonly stores: ReadonlyMap<string, ReadOnlyStore<unknown, unknown>>;
  readonly #settings: Settings;
  readonly #nodes: readonly GlobalTableNode<unknown, unknown>[];
  readonly #tables: ReadonlyMap<string, Map<string, unknown>>;
  readonly #onError: (error: unknown) => void;
  #fetcher: Fetcher | undefined;
  #ready = new Wakeup();
  readonly #closing = new AbortController();
  #reading: Promise<void> = Promise.resolve();
  #positions = new Map<string, number>();

  /** @param onError gets what ends the reading after the start */
  constructor(settings: Settings, onError: (error: unknown) => void) {
    const nodes = settings.topology.globalTables;
    this.#settings = settings;
    this.#nodes = nodes;
    this.#onError = onError;
    this.#tables = new Map(nodes.map((node) => [node.topic.name, new Map<string, unknown>()]));
    this.stores = new Map(
      nodes.map((node) => {
        const table = this.#tables.get(node.topic.name) as Map<string, unknown>;
        return [
          node.name,
          { get: (key: unknown) => table.get(serializeToBuffer(node.topic.key, key).toString('latin1')) },
        ];
      }),
    );
  }

  /** Reads every table up to its present end, then goes on in the background. */
  async start(): Promise<void> {
    if (this.#nodes.length === 0) return;
    const partitions = this.#nodes.flatMap(({ topic }) =>
      Array.from({ length: topic.partitions }, (_, partition) => ({ topic: topic.name, partition })),
    );
    const { broker } = this.#settings;
    const [starts, ends] = await Promise.all([
      broker.listOffsets(partitions, 'earliest'),
      broker.listOffsets(partitions, 'latest'),
    ]);
    if (this.#closing.signal.aborted) return;
    this.#fetcher = broker.fetcher({ onReady: () => this.#ready.wake() });
    for (const { topic, partition, offset } of starts) {
      this.#positions.set(`${topic}:${partition}`, offset);
      this.#fetcher.assign(topic, partition, offset);
    }
    const behind = (): boolean =>
      ends.some(({ topic, partition, offset }) => (this.#positions.get(`${topic}:${partition}`) ?? 0) < offset);
    while (behind() && !this.#closing.signal.aborted) {
      await this.#ready.wait();
      await this.#take();
    }
    this.#reading = this.#follow();
  }

  async close(): Promise<void> {
    this.#closing.abort();
    this.#ready.wake();
    await this.#reading;
    await this.#fetcher?.close();
  }

  async #follow(): Promise<void> {
    try {
      while (!this.#closing.signal.aborted) {
        await this.#ready.wait();
        await this.#take();
      }
    } catch (error) {
      this.#onError(error);
    }
  }

  async #take(): Promise<void> {
    const reader = new BatchReader();
    for (const part of this.#fetcher?.poll() ?? []) {
      if (part.error !== undefined) throw part.error;
      let { from } = part;
      for (const batch of part.batches) {
        reader.open(batch);
        while (reader.next()) if (reader.offset >= from) await this.#apply(part, reader);
        from = 0;
      }
      this.#positions.set(`${part.topic}:${part.partition}`, part.position);
    }
  }

  async #apply({ topic, partition }: TopicPartition, reader: BatchReader): Promise<void> {
    const node = this.#nodes.find((other) => other.topic.name === topic) as GlobalTableNode<unknown, unknown>;
    const table = this.#tables.get(topic) as Map<string, unknown>;
    const key = reader.key();
    if (key === null) return;
    const id = key.toString('latin1');
    const bytes = reader.value();
    if (bytes === null) {
      table.delete(id);
      return;
    }
    const value = await this.#decode(node, bytes, { topic, partition, offset: reader.offset });
    if (value !== undefined) table.set(id, value);
  }

  /** The value, or undefined where the handler has it dropped: there is no transaction that a dead letter could be part of. */
  async #decode(
    { name, topic }: GlobalTableNode<unknown, unknown>,
    bytes: Buffer,
    at: PartitionOffset,
  ): Promise<unknown> {
    const { clock, handlers, listeners } = this.#settings;
    const { signal } = this.#closing;
    while (!signal.aborted) {
      try {
        return topic.value.deserialize(bytes);
      } catch (thrown) {
        const error = thrown instanceof SerdeNotReady ? await failureOf(thrown.ready) : thrown;
        if (error === undefined) continue;
        if (isGavelError(error) && error.retry === 'backoff') await sleep(clock, BACKOFF_MS, signal);
        else if (handlers.deserialization({ ...at, stage: 'deserialization', task: name, error }) === 'fail')
          throw toGavelError(error, 'SERDE_FAILED', `global table "${name}" cannot read a value`);
        else {
          const message = `global table "${name}" leaves out ${at.topic}-${at.partition}@${at.offset}, which it cannot read`;
          listeners.onWarning?.({ code: 'SERDE_FAILED', message });
          return undefined;
        }
      }
    }
    return undefined;
  }
}

/** What the promise rejects with, or undefined where it does not. */
async function failureOf(promise: Promise<void>): Promise<unknown> {
  try {
    await promise;
    return undefined;
  } catch (error) {
    return error;
  }
}
