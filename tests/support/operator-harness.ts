/** Runs one processor node alone: stores of bytes in memory, forwards and counts written down, epochs cut and rolled back by hand. */

import { serializeToBuffer } from 'gavel/streams';
import type {
  Entry,
  ForwardOptions,
  GlobalTables,
  GraphEnd,
  Header,
  Ports,
  Processor,
  ProcessorContext,
  ProcessorNode,
  ScanOptions,
  StoreSpec,
  StoreSpecs,
} from 'gavel/streams';

export interface Forwarded {
  readonly port: string;
  readonly key: unknown;
  readonly value: unknown;
  readonly timestamp: number;
  readonly headers: readonly Header[];
}

export interface GivenRecord {
  readonly key: unknown;
  readonly value: unknown;
  readonly timestamp?: number;
  readonly headers?: readonly Header[];
}

/** Rows as bytes, so that every read goes through the serdes. */
class BytesStore {
  readonly spec: StoreSpec<unknown, unknown>;
  rows = new Map<string, { readonly key: Buffer; readonly value: Buffer }>();
  #atCut: typeof this.rows = new Map();

  constructor(spec: StoreSpec<unknown, unknown>) {
    this.spec = spec;
  }

  get(key: unknown): unknown {
    const row = this.rows.get(this.#id(key));
    return row === undefined ? undefined : this.spec.value.deserialize(row.value);
  }

  put(key: unknown, value: unknown): void {
    this.rows.set(this.#id(key), {
      key: serializeToBuffer(this.spec.key, key),
      value: serializeToBuffer(this.spec.value, value),
    });
  }

  delete(key: unknown): void {
    this.rows.delete(this.#id(key));
  }

  async *scan({ gte, lt, limit = Infinity }: ScanOptions<unknown> = {}): AsyncIterable<Entry<unknown, unknown>> {
    const from = gte === undefined ? '' : this.#id(gte);
    const to = lt === undefined ? '\uffff' : this.#id(lt);
    const ids = [...this.rows.keys()].filter((id) => id >= from && id < to).sort();
    const pinned = ids.slice(0, limit).map((id) => this.rows.get(id) as { key: Buffer; value: Buffer });
    for (const { key, value } of pinned) {
      yield { key: this.spec.key.deserialize(key), value: this.spec.value.deserialize(value) };
    }
  }

  cut(): void {
    this.#atCut = new Map(this.rows);
  }

  rollback(): void {
    this.rows = new Map(this.#atCut);
  }

  #id(key: unknown): string {
    return serializeToBuffer(this.spec.key, key).toString('latin1');
  }
}

export class OperatorHarness {
  readonly forwarded: Forwarded[] = [];
  /** Counters by `name{label="value"}`. */
  readonly counts: { [counter: string]: number } = {};
  readonly deadLetters: { readonly reason: string; readonly message: string }[] = [];
  readonly wakes: number[] = [];
  readonly stores = new Map<string, BytesStore>();
  readonly #node: ProcessorNode;
  readonly #tables: { readonly [alias: string]: ReadonlyMap<unknown, unknown> };
  #processor: Processor<unknown, unknown>;
  #time = -1;
  #streamTime = -1;
  #offset = 0;

  /** @param end a processor node, or a stream or table that comes from one */
  constructor(end: GraphEnd | ProcessorNode, tables: { readonly [alias: string]: ReadonlyMap<unknown, unknown> } = {}) {
    this.#node = ('nodes' in end ? end.nodes[0] : end) as ProcessorNode;
    this.#tables = tables;
    for (const spec of Object.values(this.#node.stores)) this.stores.set(spec.name, new BytesStore(spec));
    this.#processor = this.#create();
  }

  /** Handles records in turn and answers what they forwarded, as `[key, value, timestamp]`. */
  async process(...records: readonly GivenRecord[]): Promise<readonly (readonly [unknown, unknown, number])[]> {
    const from = this.forwarded.length;
    for (const { key, value, timestamp = 0, headers = [] } of records) {
      this.#time = timestamp;
      this.#streamTime = Math.max(this.#streamTime, timestamp);
      const place = { topic: 'in', partition: 0, offset: this.#offset++ };
      await this.#processor.process({ key, value, timestamp, headers, ...place });
    }
    return this.since(from);
  }

  /** What was forwarded from the n-th on. */
  since(from: number): readonly (readonly [unknown, unknown, number])[] {
    return this.forwarded.slice(from).map(({ key, value, timestamp }) => [key, value, timestamp]);
  }

  wake(limit: number): number | undefined | Promise<number | undefined> {
    return this.#processor.wake?.(this.#streamTime, limit);
  }

  cut(): void {
    this.#processor.flush?.();
    for (const store of this.stores.values()) store.cut();
  }

  rollback(): void {
    for (const store of this.stores.values()) store.rollback();
    this.#processor.rollback?.();
  }

  /** Starts again from what was cut, as after a crash. */
  restart(): void {
    for (const store of this.stores.values()) store.rollback();
    this.#processor = this.#create();
  }

  store(name: string): BytesStore {
    const store = this.stores.get(name);
    if (store === undefined) throw new Error(`no store "${name}": ${[...this.stores.keys()].join(', ')}`);
    return store;
  }

  #create(): Processor<unknown, unknown> {
    const { stores } = this.#node;
    const streamTime = (): number => this.#streamTime;
    const time = (): number => this.#time;
    const context = {
      subtopology: 'test',
      partition: 0,
      stores: Object.fromEntries(Object.entries(stores).map(([alias, spec]) => [alias, this.store(spec.name)])),
      tables: this.#tables,
      get streamTime(): number {
        return streamTime();
      },
      get time(): number {
        return time();
      },
      forward: (port: string, key: unknown, value: unknown, options: ForwardOptions = {}): void => {
        const { timestamp = this.#time, headers = [] } = options;
        this.forwarded.push({ port, key, value, timestamp, headers });
      },
      wakeAt: (time: number): void => void this.wakes.push(time),
      deadLetter: (reason: string, message: string): void => void this.deadLetters.push({ reason, message }),
      count: (name: string, labels: { readonly [label: string]: string } = {}, by = 1): void => {
        const text = Object.entries(labels).map(([label, value]) => `${label}="${value}"`);
        const counter = text.length === 0 ? name : `${name}{${text.join(',')}}`;
        this.counts[counter] = (this.counts[counter] ?? 0) + by;
      },
    };
    return this.#node.create(context as unknown as ProcessorContext<Ports, StoreSpecs, GlobalTables>);
  }
}
