/** The newest batches of all partitions, so that consumers near the end never wait for the disk. */

import { Fifo } from './fifo.ts';

interface TailBatch {
  readonly last: number;
  readonly bytes: Buffer;
}

/** What one partition has in the cache: every batch from `from` to its end. */
export class Tail {
  from: number;
  readonly #batches = new Fifo<TailBatch>();

  constructor(from: number) {
    this.from = from;
  }

  push(last: number, bytes: Buffer): void {
    this.#batches.push({ last, bytes });
  }

  /** Gives the oldest batch up; answers its bytes. */
  shift(): number {
    const oldest = this.#batches.shift();
    if (oldest === undefined) return 0;
    this.from = oldest.last + 1;
    return oldest.bytes.length;
  }

  /** Batches from the one that holds `offset` on, until `maxBytes`, at least one; and the position behind them. */
  read(offset: number, maxBytes: number): { readonly batches: Buffer[]; readonly position: number } {
    const batches: Buffer[] = [];
    let position = offset;
    let bytes = 0;
    for (let i = this.#indexOf(offset); i < this.#batches.length; i++) {
      const batch = this.#batches.at(i) as TailBatch;
      bytes += batch.bytes.length;
      if (bytes > maxBytes && batches.length > 0) break;
      batches.push(batch.bytes);
      position = batch.last + 1;
    }
    return { batches, position };
  }

  #indexOf(offset: number): number {
    let low = 0;
    let high = this.#batches.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if ((this.#batches.at(middle) as TailBatch).last < offset) low = middle + 1;
      else high = middle;
    }
    return low;
  }
}

/** Bounds the tails together: whatever was appended longest ago goes first, once it can be found on the disk. */
export class TailCache {
  readonly #maxBytes: number;
  readonly #order = new Fifo<{ readonly tail: Tail; readonly sequence: number }>();
  #bytes = 0;

  constructor(maxBytes: number) {
    this.#maxBytes = maxBytes;
  }

  /** @param sequence of the batch in the log */
  push(tail: Tail, last: number, bytes: Buffer, sequence: number): void {
    tail.push(last, bytes);
    this.#order.push({ tail, sequence });
    this.#bytes += bytes.length;
  }

  /** Gives up what is too much, of the batches below the sequence. */
  evict(belowSequence: number): void {
    for (let oldest = this.#order.at(0); this.#bytes > this.#maxBytes; oldest = this.#order.at(0)) {
      if (oldest === undefined || oldest.sequence >= belowSequence) return;
      this.#order.shift();
      this.#bytes -= oldest.tail.shift();
    }
  }
}
