/** Global tables: every partition of a topic as a map in memory, on each instance. Display and look-ups only. */

import type { Broker, Fetcher } from '../broker.ts';
import type { GlobalTableNode } from '../graph/nodes.ts';
import type { ReadOnlyStore } from '../processor.ts';
import { SerdeNotReady, serializeToBuffer } from '../serde.ts';
import { BatchReader } from '../record-batch/index.ts';
import { Wakeup } from './wakeup.ts';

export class GlobalTables {
  readonly stores: ReadonlyMap<string, ReadOnlyStore<unknown, unknown>>;
  readonly #broker: Broker;
  readonly #nodes: readonly GlobalTableNode<unknown, unknown>[];
  readonly #tables: ReadonlyMap<string, Map<string, unknown>>;
  readonly #onError: (error: unknown) => void;
  #fetcher: Fetcher | undefined;
  #ready = new Wakeup();
  #closed = false;
  #reading: Promise<void> = Promise.resolve();
  #positions = new Map<string, number>();

  /** @param onError gets what ends the reading after the start */
  constructor(broker: Broker, nodes: readonly GlobalTableNode<unknown, unknown>[], onError: (error: unknown) => void) {
    this.#broker = broker;
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
    const [starts, ends] = await Promise.all([
      this.#broker.listOffsets(partitions, 'earliest'),
      this.#broker.listOffsets(partitions, 'latest'),
    ]);
    this.#fetcher = this.#broker.fetcher({ onReady: () => this.#ready.wake() });
    for (const { topic, partition, offset } of starts) {
      this.#positions.set(`${topic}:${partition}`, offset);
      this.#fetcher.assign(topic, partition, offset);
    }
    const behind = (): boolean =>
      ends.some(({ topic, partition, offset }) => (this.#positions.get(`${topic}:${partition}`) ?? 0) < offset);
    while (behind() && !this.#closed) {
      await this.#ready.wait();
      await this.#take();
    }
    this.#reading = this.#follow();
  }

  async close(): Promise<void> {
    this.#closed = true;
    this.#ready.wake();
    await this.#reading;
    await this.#fetcher?.close();
  }

  async #follow(): Promise<void> {
    try {
      while (!this.#closed) {
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
        while (reader.next()) if (reader.offset >= from) await this.#apply(part.topic, reader);
        from = 0;
      }
      this.#positions.set(`${part.topic}:${part.partition}`, part.position);
    }
  }

  async #apply(topic: string, reader: BatchReader): Promise<void> {
    const node = this.#nodes.find((other) => other.topic.name === topic) as GlobalTableNode<unknown, unknown>;
    const table = this.#tables.get(topic) as Map<string, unknown>;
    const key = reader.key();
    if (key === null) return;
    const id = key.toString('latin1');
    const value = reader.value();
    if (value === null) {
      table.delete(id);
      return;
    }
    for (;;) {
      try {
        table.set(id, node.topic.value.deserialize(value));
        return;
      } catch (error) {
        if (!(error instanceof SerdeNotReady)) throw error;
        await error.ready;
      }
    }
  }
}
