/** Builds record batches: keys and values are serialized straight into the batch's bytes. */

import type { ByteSink, Serde } from '../serde.ts';
import type { Header } from '../record.ts';
import { GavelError } from '../errors.ts';
import * as format from './format.ts';

/** Room for the fields of a record before its key: length, attributes, timestamp delta and offset delta. */
const RECORD_PREFIX_MAX = 5 + 1 + 10 + 5;
/** Most records and values are shorter than 8 KiB: their length is written in two bytes, longer ones are moved. */
const LENGTH_WIDTH = 2;

/**
 * A batch under construction. Per record call `start`, `key`, `value`, `end` in this order, or `undo` if one of them threw.
 * The buffer is reused after `take`.
 */
export class BatchWriter implements ByteSink {
  buffer: Buffer;
  position = format.HEADER_BYTES;
  count = 0;
  #baseTimestamp = 0;
  #maxTimestamp = -1;
  #recordStart = 0;
  #lastOffsetDelta = 0;
  /** Of the record begun last: they count for the batch once it has ended. */
  #timestamp = 0;
  #offsetDelta = 0;

  /** @param capacity bytes to begin with; it grows */
  constructor(capacity = 16_384) {
    this.buffer = Buffer.allocUnsafeSlow(capacity);
  }

  reserve(bytes: number): void {
    const needed = this.position + bytes;
    if (needed <= this.buffer.length) return;
    const larger = Buffer.allocUnsafeSlow(Math.max(needed, this.buffer.length * 2));
    this.buffer.copy(larger, 0, 0, this.position);
    this.buffer = larger;
  }

  /** Begins a record with its time in ms. A log that compacts says the offset's distance to the base; default: no gaps. */
  start(timestamp: number, offsetDelta = this.count): void {
    this.reserve(RECORD_PREFIX_MAX);
    this.#recordStart = this.position;
    if (this.count === 0) this.#baseTimestamp = timestamp;
    const bytes = this.buffer;
    let at = this.position + LENGTH_WIDTH;
    bytes[at++] = 0;
    at = format.writeVarint(bytes, timestamp - this.#baseTimestamp, at);
    this.position = format.writeVarint(bytes, offsetDelta, at);
    this.#offsetDelta = offsetDelta;
    this.#timestamp = timestamp;
  }

  /** The key as bytes, or null. */
  keyBytes(key: Uint8Array | null): void {
    this.#bytes(key);
  }

  /** The value as bytes, or null. */
  valueBytes(value: Uint8Array | null): void {
    this.#bytes(value);
  }

  /** The value through its serde. */
  value<V>(serde: Serde<V>, value: V): void {
    this.reserve(LENGTH_WIDTH);
    const start = this.position;
    this.position = start + LENGTH_WIDTH;
    serde.serialize(value, this);
    this.#closeLength(start);
  }

  /** Ends the record. */
  end(headers: readonly Header[]): void {
    this.reserve(5);
    this.position = format.writeVarint(this.buffer, headers.length, this.position);
    for (const header of headers) {
      this.#bytes(Buffer.from(header.key));
      this.#bytes(header.value);
    }
    this.#closeLength(this.#recordStart);
    this.#lastOffsetDelta = this.#offsetDelta;
    if (this.#timestamp > this.#maxTimestamp) this.#maxTimestamp = this.#timestamp;
    this.count++;
  }

  /** Takes the record back that was begun last and not ended. */
  undo(): void {
    this.position = this.#recordStart;
  }

  /** The finished batch (producer fields -1, CRC 0: the adapter seals it), and an empty writer again. */
  take(): { readonly bytes: Buffer; readonly count: number } {
    if (this.count === 0) throw new GavelError('ILLEGAL_STATE', 'a record batch needs at least one record');
    const bytes = this.buffer;
    bytes.fill(0, 0, format.HEADER_BYTES);
    bytes.writeInt32BE(this.position - format.LENGTH_PREFIX_BYTES, format.BATCH_LENGTH);
    bytes.writeInt32BE(-1, format.LEADER_EPOCH);
    bytes[format.MAGIC] = 2;
    bytes.writeInt32BE(this.#lastOffsetDelta, format.LAST_OFFSET_DELTA);
    format.writeLong(bytes, this.#baseTimestamp, format.BASE_TIMESTAMP);
    format.writeLong(bytes, this.#maxTimestamp, format.MAX_TIMESTAMP);
    format.writeLong(bytes, -1, format.PRODUCER_ID);
    bytes.writeInt16BE(-1, format.PRODUCER_EPOCH);
    bytes.writeInt32BE(-1, format.BASE_SEQUENCE);
    bytes.writeInt32BE(this.count, format.RECORD_COUNT);
    const batch = { bytes: Buffer.from(bytes.subarray(0, this.position)), count: this.count };
    this.clear();
    return batch;
  }

  /** Drops what was written. */
  clear(): void {
    this.position = format.HEADER_BYTES;
    this.count = 0;
    this.#maxTimestamp = -1;
  }

  #bytes(bytes: Uint8Array | null): void {
    if (bytes === null) {
      this.reserve(1);
      this.position = format.writeVarint(this.buffer, -1, this.position);
      return;
    }
    this.reserve(5 + bytes.length);
    const at = format.writeVarint(this.buffer, bytes.length, this.position);
    this.buffer.set(bytes, at);
    this.position = at + bytes.length;
  }

  /** Writes the length of what stands behind the two bytes kept free at `start`, moving it where two are not enough. */
  #closeLength(start: number): void {
    const length = this.position - start - LENGTH_WIDTH;
    const width = Math.max(LENGTH_WIDTH, format.lengthWidth(length));
    if (width > LENGTH_WIDTH) {
      this.reserve(width - LENGTH_WIDTH);
      this.buffer.copyWithin(start + width, start + LENGTH_WIDTH, this.position);
      this.position += width - LENGTH_WIDTH;
    }
    format.writePaddedLength(this.buffer, length, start, width);
  }
}
