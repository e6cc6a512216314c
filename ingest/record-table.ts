/** The records of files, encoded and in order, in little memory. */

import { ByteBuffer, partitionOf, type Header, type Topic } from 'gavel/streams';
import { FILE_HEADER, LINE_HEADER, rawTopic, type RawRecord, type RawTopic, type Shipment } from './shipment.ts';

interface Key {
  readonly bytes: Buffer;
  readonly partition: number;
}

/** About 150 bytes of memory per bid. */
export class RecordTable<V> implements Shipment {
  readonly topic: RawTopic;
  readonly files: string[] = [];
  readonly #source: Topic<string, V>;
  readonly #values = new ByteBuffer(64 * 1024);
  readonly #keyNumbers = new Map<string, number>();
  readonly #keys: Key[] = [];
  readonly #fileHeaders: Header[] = [];
  #size = 0;
  /** Where each value begins, and the last one ends. */
  #starts = new Float64Array(1024);
  #times = new Float64Array(1024);
  #lines = new Uint32Array(1024);
  #fileNumbers = new Uint16Array(1024);
  #keyOf = new Uint32Array(1024);
  /** Row of each rank; undefined while the rows stand in order. */
  #order: Uint32Array | undefined;

  constructor(topic: Topic<string, V>) {
    this.#source = topic;
    this.topic = rawTopic(topic);
  }

  get size(): number {
    return this.#size;
  }

  /** The rows that follow are of this file, whose id is known when it is read: `nameFile`. */
  beginFile(): void {
    this.files.push('');
    this.#fileHeaders.push({ key: FILE_HEADER, value: null });
  }

  nameFile(id: string): void {
    this.files[this.files.length - 1] = id;
    this.#fileHeaders[this.#fileHeaders.length - 1] = { key: FILE_HEADER, value: Buffer.from(id) };
  }

  /** Adds a row. @throws what the serde throws; the table is as before then. */
  add(line: number, key: string, value: V, time: number): void {
    const row = this.#size;
    if (row + 2 > this.#starts.length) this.#grow();
    const start = this.#values.position;
    try {
      this.#source.value.serialize(value, this.#values);
    } catch (error) {
      this.#values.position = start;
      throw error;
    }
    this.#starts[row + 1] = this.#values.position;
    this.#times[row] = time;
    this.#lines[row] = line;
    this.#fileNumbers[row] = this.files.length - 1;
    this.#keyOf[row] = this.#keyNumber(key);
    this.#size++;
  }

  /** Takes the rows of the last file back: it is read again. */
  restartFile(): void {
    const file = this.files.length - 1;
    while (this.#size > 0 && this.#fileNumbers[this.#size - 1] === file) this.#size--;
    this.#values.position = this.#starts[this.#size] as number;
  }

  /** Orders the rows by time; those of equal times keep their order. No rows may follow. */
  sortByTime(): void {
    const times = this.#times;
    const order = Uint32Array.from({ length: this.#size }, (_, row) => row);
    this.#order = order.sort((a, b) => (times[a] as number) - (times[b] as number) || a - b);
  }

  fileAt(rank: number): number {
    return this.#fileNumbers[this.#rowAt(rank)] as number;
  }

  lineAt(rank: number): number {
    return this.#lines[this.#rowAt(rank)] as number;
  }

  partitionAt(rank: number): number {
    return this.#keyAt(this.#rowAt(rank)).partition;
  }

  recordAt(rank: number, timestamp: number): RawRecord {
    const row = this.#rowAt(rank);
    const { bytes, partition } = this.#keyAt(row);
    const value = this.#values.buffer.subarray(this.#starts[row], this.#starts[row + 1]);
    const line = { key: LINE_HEADER, value: Buffer.from(String(this.#lines[row])) };
    const headers = [this.#fileHeaders[this.#fileNumbers[row] as number] as Header, line];
    return { key: bytes, value, timestamp, headers, partition };
  }

  #rowAt(rank: number): number {
    return this.#order === undefined ? rank : (this.#order[rank] as number);
  }

  #keyAt(row: number): Key {
    return this.#keys[this.#keyOf[row] as number] as Key;
  }

  #keyNumber(key: string): number {
    const known = this.#keyNumbers.get(key);
    if (known !== undefined) return known;
    const bytes = Buffer.from(key);
    const number = this.#keys.push({ bytes, partition: partitionOf(bytes, this.topic.partitions) }) - 1;
    this.#keyNumbers.set(key, number);
    return number;
  }

  #grow(): void {
    const capacity = this.#starts.length * 2;
    this.#starts = copied(this.#starts, new Float64Array(capacity));
    this.#times = copied(this.#times, new Float64Array(capacity));
    this.#lines = copied(this.#lines, new Uint32Array(capacity));
    this.#fileNumbers = copied(this.#fileNumbers, new Uint16Array(capacity));
    this.#keyOf = copied(this.#keyOf, new Uint32Array(capacity));
  }
}

function copied<T extends Float64Array | Uint32Array | Uint16Array>(from: T, to: T): T {
  to.set(from);
  return to;
}
