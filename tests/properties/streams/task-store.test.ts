/** A store is a map, whatever its epochs do; and what the changelog restores is the same, byte for byte (semantics 18, 26). */

import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { integerSerde, jsonSerde, keyValueStore, stringSerde } from 'gavel/streams';
import type { KeyValueStore, StateBackend, StoreSpec, Subtopology, TaskStorage } from 'gavel/streams';
import { levelState, memoryState } from 'gavel/stores';
import { TaskState } from '../../../streams/runtime/task-state.ts';
import type { TaskStore } from '../../../streams/runtime/task-store.ts';
import { deepFreeze } from '../../../testing/freeze.ts';

interface Row {
  readonly due?: number;
  readonly n: number;
}

/** Names of which one begins the other, a key serde whose byte order is not that of its text, and a tiny cache. */
const texts = keyValueStore<string, Row>({
  name: 'rows',
  key: stringSerde,
  value: jsonSerde<Row>(),
  indexes: { due: (_, { due }) => due, byNumber: (_, { n }) => (n % 3 === 0 ? undefined : n) },
  cacheEntries: 3,
});
const integers = keyValueStore<number, Row>({
  name: 'rowsx',
  key: integerSerde,
  value: jsonSerde<Row>(),
  cacheEntries: 100,
});
const specs: ReadonlyMap<string, StoreSpec<unknown, unknown>> = new Map<string, StoreSpec<unknown, unknown>>([
  ['rows', texts],
  ['rowsx', integers],
]);
const subtopology: Subtopology = { name: 'sub', inputs: [], processors: [], outputs: [], stores: specs };

const TEXTS = ['', 'a', 'ab', 'b', 'é', '\u{10000}', '\uffee', 'ÿ', '\u0000', 'ba'];
const INTEGERS = [-5_000_000_000, -1, 0, 1, 7, 2 ** 40];

const row = fc.record(
  { due: fc.integer({ min: -20, max: 20 }), n: fc.integer({ min: 0, max: 9 }) },
  { requiredKeys: ['n'] },
);
const key = fc.record({ store: fc.constantFrom('rows', 'rowsx'), at: fc.nat(9) });
const range = fc.record({
  from: fc.option(fc.nat(9)),
  to: fc.option(fc.nat(9)),
  reverse: fc.boolean(),
  limit: fc.option(fc.nat(5)),
});
const change = fc.oneof(
  { weight: 4, arbitrary: fc.record({ do: fc.constant('put' as const), key, row }) },
  { weight: 2, arbitrary: fc.record({ do: fc.constant('delete' as const), key }) },
);
const command = fc.oneof(
  { weight: 8, arbitrary: change },
  { weight: 3, arbitrary: fc.record({ do: fc.constant('get' as const), key }) },
  {
    weight: 2,
    arbitrary: fc.record({
      do: fc.constant('scan' as const),
      store: fc.constantFrom('rows', 'rowsx'),
      range,
      meanwhile: fc.array(change, { maxLength: 4 }),
    }),
  },
  {
    weight: 1,
    arbitrary: fc.record({ do: fc.constant('prefix' as const), prefix: fc.constantFrom('', 'a', 'b', '\xc3', '\xff') }),
  },
  {
    weight: 3,
    arbitrary: fc.record({
      do: fc.constant('index' as const),
      index: fc.constantFrom('due', 'byNumber'),
      lte: fc.option(fc.integer({ min: -20, max: 20 })),
      limit: fc.integer({ min: 1, max: 8 }),
    }),
  },
  { weight: 4, arbitrary: fc.record({ do: fc.constantFrom('freeze' as const, 'apply' as const) }) },
  { weight: 2, arbitrary: fc.record({ do: fc.constantFrom('rollback' as const, 'crash' as const) }) },
);
type Range = typeof range extends fc.Arbitrary<infer T> ? T : never;
type Change = typeof change extends fc.Arbitrary<infer T> ? T : never;
type Command = typeof command extends fc.Arbitrary<infer T> ? T : never;

type Layer = Map<string, Row | undefined>;
interface Logged {
  readonly key: Buffer;
  readonly value: Buffer | null;
}

const serdeOf = (store: string) => (specs.get(store) as StoreSpec<unknown, unknown>).key;
const keyOf = (store: string, at: number): unknown => (store === 'rows' ? TEXTS[at] : INTEGERS[at % INTEGERS.length]);

/** A store's rows in three layers of plain maps, by store and key; and the state that must be like them. */
class Pair {
  state: TaskState;
  disk: Layer = new Map();
  committing: Layer | undefined;
  open: Layer = new Map();
  readonly log: Logged[] = [];
  openIterators = 0;
  readonly #storage: TaskStorage;

  constructor(storage: TaskStorage) {
    this.#storage = {
      ...storage,
      get: (bytes) => storage.get(bytes),
      batch: () => storage.batch(),
      size: () => storage.size(),
      close: () => storage.close(),
      iterate: (keys) => {
        const iterator = storage.iterate(keys);
        this.openIterators++;
        return {
          next: (limit) => iterator.next(limit),
          close: async () => {
            this.openIterators--;
            await iterator.close();
          },
        };
      },
    };
    this.state = this.#newState();
  }

  async run(it: Command): Promise<void> {
    switch (it.do) {
      case 'put':
      case 'delete':
        return this.change(it);
      case 'get':
        return expect(this.#store(it.key.store).get(keyOf(it.key.store, it.key.at))).toEqual(
          this.now().get(idOf(it.key)),
        );
      case 'scan':
        return this.#scan(it.store, it.range, it.meanwhile);
      case 'prefix':
        return this.#prefix(it.prefix);
      case 'index':
        return this.#index(it);
      case 'freeze':
        return this.#freeze();
      case 'apply':
        return this.#apply();
      case 'rollback':
        this.state.rollback();
        this.open = new Map();
        return undefined;
      case 'crash':
        this.state = this.#newState();
        this.open = new Map();
        this.committing = undefined;
        return undefined;
    }
  }

  change(it: Change): void {
    const store = this.#store(it.key.store);
    if (it.do === 'put') store.put(keyOf(it.key.store, it.key.at), it.row);
    else store.delete(keyOf(it.key.store, it.key.at));
    this.open.set(idOf(it.key), it.do === 'put' ? it.row : undefined);
  }

  /** What stands, the newest of each key. */
  now(): Map<string, Row> {
    const all = new Map([...this.disk, ...(this.committing ?? []), ...this.open]);
    return new Map([...all].filter((entry): entry is [string, Row] => entry[1] !== undefined));
  }

  /** Everything in the storage, as text. */
  async bytes(): Promise<Map<string, string>> {
    const iterator = this.#storage.iterate({ gte: Buffer.from([1]), lt: Buffer.from([3]) });
    const all = new Map<string, string>();
    try {
      for (;;) {
        const entries = await iterator.next(100);
        if (entries.length === 0) return all;
        for (const [bytes, value] of entries) all.set(bytes.toString('hex'), value.toString('hex'));
      }
    } finally {
      await iterator.close();
    }
  }

  #newState(): TaskState {
    return new TaskState({ storage: this.#storage, subtopology, onValue: deepFreeze });
  }

  #store(name: string): KeyValueStore<unknown, Row> & TaskStore<unknown, Row> {
    return this.state.stores.get(name) as unknown as KeyValueStore<unknown, Row> & TaskStore<unknown, Row>;
  }

  #freeze(): void {
    if (this.committing !== undefined) return;
    this.state.freeze();
    this.committing = this.open;
    this.open = new Map();
  }

  async #apply(): Promise<void> {
    if (this.committing === undefined) return;
    const batch = this.#storage.batch();
    const encoding = this.state.encode(batch, (bytes, value) => {
      this.log.push({ key: Buffer.from(bytes), value: value === null ? null : Buffer.from(value) });
    });
    while (encoding.next().done !== true) continue;
    await batch.write();
    this.state.applied();
    for (const [id, value] of this.committing) this.disk.set(id, value);
    this.committing = undefined;
    const committed = new Map([...this.disk].filter(([, value]) => value !== undefined));
    for (const store of ['rows', 'rowsx'])
      for (let at = 0; at < 10; at++)
        expect(this.#store(store).committed(keyOf(store, at))).toEqual(committed.get(idOf({ store, at })));
  }

  async #scan(store: string, { from, to, reverse, limit }: Range, meanwhile: readonly Change[]): Promise<void> {
    const options = {
      ...(from === null ? {} : { gte: keyOf(store, from) }),
      ...(to === null ? {} : { lt: keyOf(store, to) }),
      ...(limit === null ? {} : { limit }),
      reverse,
    };
    const low = from === null ? undefined : bytesOf(store, keyOf(store, from));
    const high = to === null ? undefined : bytesOf(store, keyOf(store, to));
    let wanted = this.#entries(store).filter(
      ({ bytes }) =>
        (low === undefined || Buffer.compare(bytes, low) >= 0) &&
        (high === undefined || Buffer.compare(bytes, high) < 0),
    );
    if (reverse) wanted.reverse();
    if (limit !== null) wanted = wanted.slice(0, limit);
    const found: unknown[] = [];
    let first = true;
    for await (const entry of this.#store(store).scan(options)) {
      found.push(entry);
      // The scan is pinned: what changes now is not for it.
      if (first) for (const it of meanwhile) this.change(it);
      first = false;
    }
    expect(found).toEqual(wanted.map((entry) => ({ key: entry.key, value: entry.value })));
    for await (const _ of this.#store(store).scan()) break;
    expect(this.openIterators).toBe(0);
  }

  async #prefix(text: string): Promise<void> {
    const prefix = Buffer.from(text, 'latin1');
    const found: unknown[] = [];
    for await (const entry of this.#store('rows').scan({ prefix })) found.push(entry.key);
    const wanted = this.#entries('rows').filter(({ bytes }) => bytes.subarray(0, prefix.length).equals(prefix));
    expect(found).toEqual(wanted.map((entry) => entry.key));
  }

  async #index({ index, lte, limit }: { index: string; lte: number | null; limit: number }): Promise<void> {
    const orderOf = texts.indexes[index] as (key: string, value: Row) => number | undefined;
    const wanted = this.#entries('rows')
      .map(({ key: text, value, bytes }) => ({ order: orderOf(text as string, value), key: text, value, bytes }))
      .filter((entry): entry is typeof entry & { order: number } => entry.order !== undefined)
      .sort((a, b) => a.order - b.order || Buffer.compare(a.bytes, b.bytes))
      .map(({ order, key: text, value }) => ({ order, key: text, value }));
    expect(await this.#store('rows').firstOrder(index)).toBe(wanted[0]?.order);
    const found = await this.#store('rows').scanIndex(index, { ...(lte === null ? {} : { lte }), limit });
    expect(found).toEqual(wanted.filter(({ order }) => lte === null || order <= lte).slice(0, limit));
    expect(this.openIterators).toBe(0);
  }

  /** Rows of a store in the order of their keys' bytes. */
  #entries(store: string): { readonly key: unknown; readonly value: Row; readonly bytes: Buffer }[] {
    const now = this.now();
    const ats = store === 'rows' ? TEXTS.length : INTEGERS.length;
    return Array.from({ length: ats }, (_, at) => at)
      .flatMap((at) => {
        const value = now.get(idOf({ store, at }));
        return value === undefined ? [] : [{ key: keyOf(store, at), value, bytes: bytesOf(store, keyOf(store, at)) }];
      })
      .sort((a, b) => Buffer.compare(a.bytes, b.bytes));
  }
}

function idOf({ store, at }: { readonly store: string; readonly at: number }): string {
  return `${store}:${String(keyOf(store, at))}`;
}

function bytesOf(store: string, value: unknown): Buffer {
  let bytes = Buffer.alloc(0);
  const sink = { buffer: Buffer.alloc(256), position: 0, reserve: () => undefined };
  serdeOf(store).serialize(value, sink);
  bytes = Buffer.from(sink.buffer.subarray(0, sink.position));
  return bytes;
}

/** The latest record of each key, and without the tombstones that may be gone by now. */
function compacted(log: readonly Logged[], dropTombstones: boolean): Logged[] {
  const latest = new Map(log.map((record) => [record.key.toString('hex'), record]));
  return log.filter(
    (record) => latest.get(record.key.toString('hex')) === record && !(dropTombstones && record.value === null),
  );
}

async function restored(backend: StateBackend, task: string, parts: readonly (readonly Logged[])[]): Promise<Pair> {
  const storage = await backend.open(task);
  const pair = new Pair(storage);
  for (const part of parts) {
    const batch = storage.batch();
    const latest = new Map(part.map((record) => [record.key.toString('hex'), record]));
    for (const record of latest.values()) pair.state.restore(batch, record.key, record.value);
    await batch.write();
  }
  return pair;
}

function property(newBackend: () => StateBackend): fc.IAsyncProperty<[Command[], number]> {
  return fc.asyncProperty(fc.array(command, { minLength: 10, maxLength: 60 }), fc.nat(), async (commands, cut) => {
    const backend = newBackend();
    const storages: TaskStorage[] = [];
    const opening: StateBackend = {
      ...backend,
      open: async (task) => {
        const storage = await backend.open(task);
        storages.push(storage);
        return storage;
      },
    };
    try {
      const live = new Pair(await opening.open('live-0'));
      for (const it of commands) await live.run(it);
      await live.run({ do: 'freeze' });
      await live.run({ do: 'apply' });
      const bytes = await live.bytes();
      const at = cut % (live.log.length + 1);
      const { log } = live;
      expect(await (await restored(opening, 'whole-0', [log])).bytes()).toEqual(bytes);
      expect(await (await restored(opening, 'parts-0', [log.slice(0, at), log.slice(at)])).bytes()).toEqual(bytes);
      expect(await (await restored(opening, 'compacted-0', [compacted(log, true)])).bytes()).toEqual(bytes);
      // A state that had read a part reads the rest after compaction, tombstones kept.
      const late = await restored(opening, 'late-0', [log.slice(0, at), compacted(log, false)]);
      expect(await late.bytes()).toEqual(bytes);
    } finally {
      for (const storage of storages) await storage.close();
    }
  });
}

describe('store = Map, restore = live store', () => {
  test('in memory', async () => {
    await fc.assert(
      property(() => memoryState()),
      { numRuns: 600 },
    );
  });

  test('in LevelDB', async () => {
    const root = await mkdtemp(join(tmpdir(), 'gavel-store-'));
    let run = 0;
    try {
      await fc.assert(
        property(() => levelState({ directory: join(root, String(run++)) })),
        { numRuns: 40 },
      );
    } finally {
      await rm(root, { recursive: true });
    }
  });
});
