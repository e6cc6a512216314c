/** Reads record batches: a cursor that allocates nothing per record but the slices that are asked for. */

import type { Header } from '../record.ts';
import { NO_HEADERS } from '../record.ts';
import { GavelError } from '../errors.ts';
import * as format from './format.ts';

/** A cursor over one decompressed batch. `next` moves to a record; its fields and slices are valid until the next call. */
export class BatchReader {
  /** Of the current record. */
  offset = -1;
  timestamp = -1;

  #bytes: Buffer = Buffer.alloc(0);
  #end = 0;
  #position = 0;
  #left = 0;
  #baseOffset = 0;
  #baseTimestamp = 0;
  #appendTime = -1;
  #keyStart = 0;
  #keyLength = -1;
  #valueStart = 0;
  #valueLength = -1;
  #headersStart = 0;

  /** Begins at the batch that starts at `at`. @throws GavelError `BATCH_CORRUPT` where it is cut off or of another format. */
  open(bytes: Buffer, at = 0): void {
    const end = batchEnd(bytes, at);
    const attributes = bytes.readInt16BE(at + format.ATTRIBUTES);
    if ((attributes & format.COMPRESSION_MASK) !== 0) throw corrupt('it is compressed', at);
    this.#bytes = bytes;
    this.#end = end;
    this.#position = at + format.HEADER_BYTES;
    this.#left = bytes.readInt32BE(at + format.RECORD_COUNT);
    this.#baseOffset = format.readLong(bytes, at + format.BASE_OFFSET);
    this.#baseTimestamp = format.readLong(bytes, at + format.BASE_TIMESTAMP);
    this.#appendTime =
      (attributes & format.LOG_APPEND_TIME) === 0 ? -1 : format.readLong(bytes, at + format.MAX_TIMESTAMP);
  }

  /** Moves to the next record; false at the end. @throws GavelError `BATCH_CORRUPT`. */
  next(): boolean {
    if (this.#left === 0) return false;
    this.#left--;
    const length = this.#varint();
    const end = this.#position + length;
    if (length < 0 || end > this.#end) throw corrupt('a record reaches beyond its end', this.#position);
    this.#position++; // attributes: unused
    const timestampDelta = this.#varint();
    this.timestamp = this.#appendTime >= 0 ? this.#appendTime : this.#baseTimestamp + timestampDelta;
    this.offset = this.#baseOffset + this.#varint();
    this.#keyLength = this.#varint();
    this.#keyStart = this.#position;
    if (this.#keyLength > 0) this.#position += this.#keyLength;
    this.#valueLength = this.#varint();
    this.#valueStart = this.#position;
    if (this.#valueLength > 0) this.#position += this.#valueLength;
    if (this.#position > end) throw corrupt('a key or value reaches beyond its record', this.#position);
    this.#headersStart = this.#position;
    this.#position = end;
    return true;
  }

  /** The key's bytes, a slice of the batch, or null. */
  key(): Buffer | null {
    return this.#keyLength < 0 ? null : this.#bytes.subarray(this.#keyStart, this.#keyStart + this.#keyLength);
  }

  /** The value's bytes, a slice of the batch, or null. */
  value(): Buffer | null {
    return this.#valueLength < 0 ? null : this.#bytes.subarray(this.#valueStart, this.#valueStart + this.#valueLength);
  }

  get hasHeaders(): boolean {
    return this.#bytes[this.#headersStart] !== 0;
  }

  headers(): readonly Header[] {
    if (!this.hasHeaders) return NO_HEADERS;
    const after = this.#position;
    this.#position = this.#headersStart;
    const headers: Header[] = [];
    for (let left = this.#varint(); left > 0; left--) {
      const keyLength = this.#varint();
      const key = this.#bytes.toString('utf8', this.#position, this.#position + keyLength);
      this.#position += keyLength;
      const valueLength = this.#varint();
      const value = valueLength < 0 ? null : this.#bytes.subarray(this.#position, this.#position + valueLength);
      if (valueLength > 0) this.#position += valueLength;
      if (this.#position > after) throw corrupt('a header reaches beyond its record', this.#position);
      headers.push({ key, value });
    }
    this.#position = after;
    return headers;
  }

  #varint(): number {
    const bytes = this.#bytes;
    let byte = bytes[this.#position++] as number;
    if (byte < 0x80) return (byte >>> 1) ^ -(byte & 1);
    let zigzag = byte & 0x7f;
    let scale = 0x80;
    do {
      if (this.#position >= this.#end) throw corrupt('a number is cut off', this.#position);
      byte = bytes[this.#position++] as number;
      zigzag += (byte & 0x7f) * scale;
      scale *= 0x80;
    } while (byte >= 0x80);
    return zigzag % 2 === 0 ? zigzag / 2 : -(zigzag + 1) / 2;
  }
}

/** Where the batch at `at` ends. @throws GavelError `BATCH_CORRUPT`. */
export function batchEnd(bytes: Buffer, at: number): number {
  if (at + format.HEADER_BYTES > bytes.length) throw corrupt('its header is cut off', at);
  const end = at + format.LENGTH_PREFIX_BYTES + bytes.readInt32BE(at + format.BATCH_LENGTH);
  if (end > bytes.length || end < at + format.HEADER_BYTES) throw corrupt('it is cut off', at);
  if (bytes[at + format.MAGIC] !== 2) throw corrupt(`its magic is ${bytes[at + format.MAGIC]}, not 2`, at);
  return end;
}

function corrupt(what: string, at: number): GavelError {
  return new GavelError('BATCH_CORRUPT', `a record batch cannot be read: ${what} (byte ${at})`);
}
