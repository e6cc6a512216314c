/** The lines of a file, plain or gzip, with their numbers, and the hash of its bytes. */

import { createHash } from 'node:crypto';
import { Readable } from 'node:stream';
import { createGunzip } from 'node:zlib';
import { GavelError } from 'gavel/streams';
import type { FileSource } from './ports.ts';

export interface Line {
  /** From 1. */
  readonly number: number;
  /** Without the end of line. Belongs to a larger buffer: copy what must stay. */
  readonly bytes: Buffer;
  /** The line is longer than `LINE_BYTES_MAX` and cut off there. */
  readonly cut: boolean;
}

/** A longer line is no record. */
export const LINE_BYTES_MAX = 256 * 1024;

const LINE_FEED = 10;
const CARRIAGE_RETURN = 13;
const BYTE_ORDER_MARK = Buffer.from([0xef, 0xbb, 0xbf]);
const NOTHING = Buffer.alloc(0);

/** The lines of one file, to be read once. */
export class FileLines {
  readonly #source: FileSource;
  readonly #hash = createHash('sha256');
  #number = 0;
  #rest = NOTHING;
  #restCut = false;

  constructor(source: FileSource) {
    this.#source = source;
  }

  /**
   * Lines in the order of the file, some at a time; empty ones are left out but counted.
   * @throws GavelError `INPUT_INVALID` where the file cannot be read or unpacked
   */
  async *read(): AsyncGenerator<readonly Line[]> {
    try {
      for await (const chunk of await this.#unpacked()) yield this.#split(chunk as Buffer);
    } catch (error) {
      if (error instanceof GavelError) throw error;
      const hint = 'the file is damaged or was cut off; nothing of it was loaded';
      throw new GavelError('INPUT_INVALID', `${this.#source.name} cannot be unpacked`, { cause: error, hint });
    }
    const last: Line[] = [];
    this.#add(last, this.#rest);
    yield last;
  }

  /** SHA-256 of the bytes as they are stored, in hex; once `read` is done. */
  digest(): string {
    return this.#hash.digest('hex');
  }

  async #unpacked(): Promise<AsyncIterable<Uint8Array>> {
    const stored = this.#stored();
    const first = await firstBytes(stored, 2);
    const whole = startingWith(first, stored);
    if (first[0] !== 0x1f || first[1] !== 0x8b) return whole;
    const packed = Readable.from(whole);
    const gunzip = createGunzip();
    packed.once('error', (error) => gunzip.destroy(error));
    return packed.pipe(gunzip);
  }

  async *#stored(): AsyncGenerator<Buffer> {
    for await (const chunk of this.#source.open()) {
      if (chunk.length === 0) continue;
      this.#hash.update(chunk);
      yield Buffer.from(chunk.buffer, chunk.byteOffset, chunk.length);
    }
  }

  #split(chunk: Buffer): readonly Line[] {
    const lines: Line[] = [];
    let start = 0;
    for (let end = chunk.indexOf(LINE_FEED); end >= 0; end = chunk.indexOf(LINE_FEED, start)) {
      const piece = chunk.subarray(start, end);
      this.#add(lines, this.#rest.length === 0 ? piece : Buffer.concat([this.#rest, piece]));
      this.#rest = NOTHING;
      this.#restCut = false;
      start = end + 1;
    }
    if (start < chunk.length && !this.#restCut) {
      this.#rest = Buffer.concat([this.#rest, chunk.subarray(start)]);
      this.#restCut = this.#rest.length > LINE_BYTES_MAX;
    }
    return lines;
  }

  #add(lines: Line[], raw: Buffer): void {
    const number = ++this.#number;
    let bytes = raw.at(-1) === CARRIAGE_RETURN ? raw.subarray(0, -1) : raw;
    if (number === 1 && bytes.subarray(0, 3).equals(BYTE_ORDER_MARK)) bytes = bytes.subarray(3);
    if (bytes.length === 0) return;
    const cut = bytes.length > LINE_BYTES_MAX;
    lines.push({ number, bytes: cut ? bytes.subarray(0, LINE_BYTES_MAX) : bytes, cut });
  }
}

/** The first bytes, at least so many where there are. */
async function firstBytes(chunks: AsyncGenerator<Buffer>, count: number): Promise<Buffer> {
  let bytes = NOTHING;
  while (bytes.length < count) {
    const next = await chunks.next();
    if (next.done === true) break;
    bytes = Buffer.concat([bytes, next.value]);
  }
  return bytes;
}

async function* startingWith(first: Buffer, rest: AsyncIterable<Buffer>): AsyncGenerator<Buffer> {
  yield first;
  yield* rest;
}
