/** A store of one task: the open epoch over the committing one over a cache over the task's storage. */

import { ByteBuffer, integerSerde } from '../serde.ts';
import type { StoreSpec } from '../graph/nodes.ts';
import type { Entry, IndexEntry, IndexScanOptions, KeyValueStore, ScanOptions } from '../processor.ts';
import type { KeyRange, StorageBatch, TaskStorage } from '../state.ts';
import { GavelError } from '../errors.ts';
import { DirtyRows } from './dirty-rows.ts';
import type { DirtyRow } from './dirty-rows.ts';
import { DueIndex } from './due-index.ts';
import { indexPrefix, prefixEnd, rowPrefix } from './keys.ts';
import { mergeRows, storedRows } from './row-scan.ts';
import { ValueCache } from './value-cache.ts';
import type { CachedRow } from './value-cache.ts';

const NO_BYTES = Buffer.alloc(0);
/** Behind every position of an index, and behind every one that begins with what stands before it. */
const EVERY_POSITION = '\uffff';
/** Value of index rows: LevelDB's binding leaks memory with empty values. */
const INDEXED = Buffer.from([1]);
const scratch = new ByteBuffer(4_096);

/** Takes the rows of an epoch for the changelog; the buffers are valid during the call only. */
export type LogRow = (changelogKey: Buffer, value: Buffer | null) => void;

interface LocalIndex<K, V> {
  readonly orderOf: (key: K, value: V) => number | undefined;
  readonly prefix: Buffer;
  readonly head: DueIndex;
}

export class TaskStore<K, V> implements KeyValueStore<K, V> {
  readonly spec: StoreSpec<K, V>;
  readonly #storage: TaskStorage;
  readonly #prefix: Buffer;
  readonly #indexes = new Map<string, LocalIndex<K, V>>();
  readonly #cache: ValueCache<K, V>;
  /** Rows keep the value before the epoch, for the indexes. */
  readonly #needsBefore: boolean;
  #lastKey: K | undefined;
  #lastId = '';
  /** Number of the open epoch. */
  #epoch = 0;
  readonly #onValue: (value: V) => V;
  #open: DirtyRows<K, V>;
  #committing: DirtyRows<K, V>;

  /** @param onValue sees every value that enters or is decoded; tests freeze them here */
  constructor(spec: StoreSpec<K, V>, storage: TaskStorage, onValue: (value: V) => V = (value) => value) {
    this.spec = spec;
    this.#storage = storage;
    this.#prefix = rowPrefix(spec.name);
    this.#cache = new ValueCache(spec.cacheEntries);
    this.#needsBefore = Object.keys(spec.indexes).length > 0;
    this.#onValue = onValue;
    this.#open = this.#noRows();
    this.#committing = this.#noRows();
    for (const [name, orderOf] of Object.entries(spec.indexes)) this.#addIndex(name, orderOf);
  }

  get(key: K): V | undefined {
    return this.#find(this.#idOf(key), key).value;
  }

  put(key: K, value: V): void {
    if (value === undefined || value === null) {
      throw new GavelError('PROCESSING_FAILED', `store "${this.spec.name}" got no value to put`, {
        hint: 'use delete',
      });
    }
    this.#write(key, this.#onValue(value));
  }

  delete(key: K): void {
    this.#write(key, undefined);
  }

  /** Rows changed in the open epoch. */
  get openRows(): number {
    return this.#open.size;
  }

  async *scan(options: ScanOptions<K> = {}): AsyncIterable<Entry<K, V>> {
    const range = this.#rangeOf(options);
    const unfinished = this.#unfinishedIn(range);
    if (range.reverse === true) unfinished.reverse();
    const iterator = this.#storage.iterate(range);
    try {
      let left = options.limit ?? Infinity;
      for await (const entry of mergeRows(
        storedRows(iterator, this.#prefix.length),
        unfinished,
        range.reverse === true,
      )) {
        if (left-- <= 0) return;
        if ('value' in entry) {
          const { key, value } = entry;
          yield { key: this.spec.key.deserialize(key.subarray(this.#prefix.length)), value: this.#decode(value) };
        } else if (entry.row.value !== undefined) yield { key: entry.row.key, value: entry.row.value };
        else left++;
      }
    } finally {
      await iterator.close();
    }
  }

  async scanIndex(name: string, options: IndexScanOptions): Promise<readonly IndexEntry<K, V>[]> {
    const index = this.#index(name);
    const through = options.lte === undefined ? EVERY_POSITION : positionOf(options.lte, NO_BYTES) + EVERY_POSITION;
    const entries: IndexEntry<K, V>[] = [];
    for (const position of await index.head.first(through, options.limit)) {
      const bytes = Buffer.from(position, 'latin1');
      const order = integerSerde.deserialize(bytes.subarray(0, 8));
      const key = this.spec.key.deserialize(bytes.subarray(8));
      const value = this.get(key);
      // Else it went or moved since it was found, for the caller went on meanwhile.
      if (value !== undefined && index.orderOf(key, value) === order) entries.push({ order, key, value });
    }
    return entries;
  }

  async firstOrder(name: string): Promise<number | undefined> {
    const [first] = await this.#index(name).head.first(EVERY_POSITION, 1);
    return first === undefined ? undefined : integerSerde.deserialize(Buffer.from(first.slice(0, 8), 'latin1'));
  }

  /** The committed value: what storage holds, without unfinished epochs. */
  committed(key: K): V | undefined {
    const bytes = this.#storage.get(scratch.buffer.subarray(0, this.#serializeKey(key)));
    return bytes === undefined ? undefined : this.#decode(bytes);
  }

  /** Committed entries in key order with their keys' bytes as latin-1 text, pinned when the loop begins. */
  async *scanCommitted(options: ScanOptions<K> = {}): AsyncGenerator<Entry<K, V> & { readonly bytes: string }> {
    const iterator = this.#storage.iterate(this.#rangeOf(options));
    try {
      let left = options.limit ?? Infinity;
      for await (const { bytes, key, value } of storedRows(iterator, this.#prefix.length)) {
        if (left-- <= 0) return;
        yield { bytes, key: this.spec.key.deserialize(key.subarray(this.#prefix.length)), value: this.#decode(value) };
      }
    } finally {
      await iterator.close();
    }
  }

  /** Closes the open epoch's rows: they become those of the committing epoch. */
  freeze(): void {
    this.#committing = this.#open;
    this.#open = this.#noRows();
    this.#epoch++;
  }

  /** Drops the open epoch's rows. */
  rollback(): void {
    for (const id of this.#open.rows.keys()) this.#cache.delete(id);
    this.#open = this.#noRows();
    for (const index of this.#indexes.values()) index.head.reset();
  }

  /** Forgets the committing epoch's rows: the storage has them now. */
  applied(): void {
    this.#committing = this.#noRows();
  }

  /** Encodes the committing epoch, a slice at a time: each row once, for the storage and the changelog. */
  *encode(batch: StorageBatch, log: LogRow): Generator<void, void, void> {
    let inSlice = 0;
    for (const row of this.#committing.rows.values()) {
      try {
        this.#encodeRow(row, batch, log);
      } catch (cause) {
        const text = cause instanceof Error ? cause.message : String(cause);
        throw new GavelError('PROCESSING_FAILED', `store "${this.spec.name}" cannot write a row: ${text}`, { cause });
      }
      if (++inSlice === 512) {
        inSlice = 0;
        yield;
      }
    }
  }

  #encodeRow(row: DirtyRow<K, V>, batch: StorageBatch, log: LogRow): void {
    const keyLength = this.#serializeKey(row.key);
    const value = row.value === undefined ? null : this.#serializeValue(row.value, keyLength);
    const key = scratch.buffer.subarray(0, keyLength);
    if (value === null) batch.delete(key);
    else batch.put(key, value);
    if (this.spec.logged) log(key.subarray(1), value);
    for (const index of this.#indexes.values())
      writeIndex(batch, index, row, scratch.buffer.subarray(this.#prefix.length, keyLength));
  }

  /** Applies one row of the changelog while the task restores. `rowKey` is the key in storage. */
  restore(batch: StorageBatch, rowKey: Buffer, value: Buffer | null): void {
    if (this.#indexes.size > 0) {
      const keyBytes = rowKey.subarray(this.#prefix.length);
      const key = this.spec.key.deserialize(keyBytes);
      const old = this.#storage.get(rowKey);
      const row = {
        key,
        before: old === undefined ? undefined : this.#decode(old),
        value: value === null ? undefined : this.#decode(value),
      };
      for (const index of this.#indexes.values()) writeIndex(batch, index, row, keyBytes);
    }
    if (value === null) batch.delete(rowKey);
    else batch.put(rowKey, value);
  }

  /** The newest value of a key, from memory if it is there. */
  #find(id: string, key: K): CachedRow<K, V> {
    let cached = this.#cache.get(id);
    if (cached !== undefined) return cached;
    const open = this.#open.get(id);
    const row = open ?? this.#committing.get(id);
    if (row === undefined) {
      const bytes = this.#storage.get(scratch.buffer.subarray(0, this.#serializeKey(key)));
      cached = { value: bytes === undefined ? undefined : this.#decode(bytes), row: undefined, epoch: -1 };
    } else cached = { value: row.value, row: open, epoch: open === undefined ? -1 : this.#epoch };
    this.#cache.add(id, cached);
    return cached;
  }

  #write(key: K, value: V | undefined): void {
    const id = this.#idOf(key);
    const cached = this.#needsBefore ? this.#find(id, key) : this.#cache.get(id);
    const previous = cached?.value;
    const row = cached === undefined ? this.#open.get(id) : cached.epoch === this.#epoch ? cached.row : undefined;
    if (row !== undefined) {
      row.value = value;
      if (cached !== undefined) cached.value = value;
    } else {
      const added = { key, value, before: this.#needsBefore ? previous : undefined };
      this.#open.add(id, added);
      if (cached === undefined) this.#cache.add(id, { value, row: added, epoch: this.#epoch });
      else {
        cached.value = value;
        cached.row = added;
        cached.epoch = this.#epoch;
      }
    }
    if (value === undefined) return;
    for (const index of this.#indexes.values()) {
      const order = index.orderOf(key, value);
      if (order === undefined) continue;
      if (previous !== undefined && index.orderOf(key, previous) === order) continue;
      index.head.add(positionOf(order, this.#keyBytes(key)));
    }
  }

  /** Text that stands for the key in maps: the key itself where it is text, else its bytes. */
  #idOf(key: K): string {
    if (typeof key === 'string') return key;
    // A put mostly follows the get of the same key object.
    if (this.#lastKey !== key) {
      this.#lastId = this.#keyBytes(key).toString('latin1');
      this.#lastKey = key;
    }
    return this.#lastId;
  }

  #serializeKey(key: K): number {
    scratch.position = 0;
    scratch.reserve(this.#prefix.length);
    this.#prefix.copy(scratch.buffer, 0);
    scratch.position = this.#prefix.length;
    this.spec.key.serialize(key, scratch);
    return scratch.position;
  }

  #serializeValue(value: V, after: number): Buffer {
    this.spec.value.serialize(value, scratch);
    return scratch.buffer.subarray(after, scratch.position);
  }

  /** The key's bytes, valid until the next serialization. */
  #keyBytes(key: K): Buffer {
    const end = this.#serializeKey(key);
    return scratch.buffer.subarray(this.#prefix.length, end);
  }

  #decode(bytes: Buffer): V {
    return this.#onValue(this.spec.value.deserialize(bytes));
  }

  #noRows(): DirtyRows<K, V> {
    return new DirtyRows<K, V>((key) => this.#keyBytes(key).toString('latin1'));
  }

  #rangeOf(options: ScanOptions<K>): KeyRange {
    const keyed = (key: K): Buffer => Buffer.from(scratch.buffer.subarray(0, this.#serializeKey(key)));
    const prefix = options.prefix === undefined ? this.#prefix : Buffer.concat([this.#prefix, options.prefix]);
    return {
      gte: options.gte === undefined ? prefix : keyed(options.gte),
      lt: options.lt === undefined ? prefixEnd(prefix) : keyed(options.lt),
      reverse: options.reverse ?? false,
    };
  }

  /** Rows of unfinished epochs in the range, sorted; the open epoch over the committing one. */
  #unfinishedIn(range: KeyRange): { readonly bytes: string; readonly row: DirtyRow<K, V> }[] {
    const gte = range.gte.toString('latin1', this.#prefix.length);
    const past =
      range.lt.length < this.#prefix.length || !range.lt.subarray(0, this.#prefix.length).equals(this.#prefix);
    const lt = past ? '\uffff' : range.lt.toString('latin1', this.#prefix.length);
    const rows = new Map<string, { readonly bytes: string; readonly row: DirtyRow<K, V> }>();
    for (const entry of this.#committing.range(gte, lt)) rows.set(entry.bytes, entry);
    // Values are pinned: a row of the open epoch may change while the scan goes on.
    for (const entry of this.#open.range(gte, lt)) rows.set(entry.bytes, { bytes: entry.bytes, row: { ...entry.row } });
    return [...rows.values()].sort((a, b) => (a.bytes < b.bytes ? -1 : 1));
  }

  #index(name: string): LocalIndex<K, V> {
    const index = this.#indexes.get(name);
    if (index !== undefined) return index;
    throw new GavelError('STORE_UNKNOWN', `store "${this.spec.name}" has no index "${name}"`, {
      hint: `it has: ${[...this.#indexes.keys()].join(', ') || 'none'}`,
    });
  }

  #addIndex(name: string, orderOf: LocalIndex<K, V>['orderOf']): void {
    const prefix = indexPrefix(this.spec.name, name);
    const head = new DueIndex({
      isCurrent: (position) => {
        const bytes = Buffer.from(position, 'latin1');
        const key = this.spec.key.deserialize(bytes.subarray(8));
        const value = this.get(key);
        return value !== undefined && orderOf(key, value) === integerSerde.deserialize(bytes.subarray(0, 8));
      },
      load: async (after, limit) => {
        // A commit may end while the storage, pinned here, is read.
        const epochs = [this.#committing, this.#open];
        const gte = Buffer.concat([prefix, Buffer.from(after, 'latin1')]);
        const iterator = this.#storage.iterate({ gte, lt: prefixEnd(prefix) });
        try {
          const stored: string[] = [];
          // An iterator may answer fewer than it was asked for although there are more.
          while (stored.length <= limit) {
            const entries = await iterator.next(limit + 1 - stored.length);
            if (entries.length === 0) break;
            for (const [key] of entries) stored.push(key.toString('latin1', prefix.length));
          }
          if (stored[0] === after) stored.shift();
          const unfinished = (through: string) => this.#positions(epochs, orderOf, after, through);
          return { stored: stored.slice(0, limit), unfinished };
        } finally {
          await iterator.close();
        }
      },
    });
    this.#indexes.set(name, { orderOf, prefix, head });
  }

  /** Entries of dirty rows behind `after` and up to `through`. The order alone tells of most rows that they have none there. */
  *#positions(
    epochs: readonly DirtyRows<K, V>[],
    orderOf: LocalIndex<K, V>['orderOf'],
    after: string,
    through: string,
  ): Generator<string> {
    const first = orderAt(after) ?? -Infinity;
    const last = orderAt(through) ?? Infinity;
    for (const { rows } of epochs) {
      for (const { key, value } of rows.values()) {
        const order = value === undefined ? undefined : orderOf(key, value);
        if (order === undefined || order < first || order > last) continue;
        const position = positionOf(order, this.#keyBytes(key));
        if (position > after && position <= through) yield position;
      }
    }
  }
}

const orderBytes = new ByteBuffer(8);

function positionOf(order: number, keyBytes: Buffer): string {
  orderBytes.position = 0;
  integerSerde.serialize(order, orderBytes);
  return orderBytes.buffer.toString('latin1', 0, 8) + keyBytes.toString('latin1');
}

/** The order at the start of a position; undefined for the bounds, which stand before and behind all positions. */
function orderAt(position: string): number | undefined {
  return position.length < 8 ? undefined : integerSerde.deserialize(Buffer.from(position.slice(0, 8), 'latin1'));
}

/** Moves a row's entry in an index from where it was before the epoch to where it is now. */
function writeIndex<K, V>(batch: StorageBatch, index: LocalIndex<K, V>, row: DirtyRow<K, V>, keyBytes: Buffer): void {
  const before = row.before === undefined ? undefined : index.orderOf(row.key, row.before);
  const now = row.value === undefined ? undefined : index.orderOf(row.key, row.value);
  if (before === now) return;
  if (before !== undefined) batch.delete(indexKey(index.prefix, before, keyBytes));
  if (now !== undefined) batch.put(indexKey(index.prefix, now, keyBytes), INDEXED);
}

function indexKey(prefix: Buffer, order: number, keyBytes: Buffer): Buffer {
  return Buffer.concat([prefix, Buffer.from(positionOf(order, keyBytes), 'latin1')]);
}
