/** The key serialized last: most outputs of a record have its own key, so its bytes and its hash are found once. */

import { murmur2 } from '../partitioner.ts';
import { serializeToBuffer } from '../serde.ts';
import type { Serde } from '../serde.ts';

export class KeyMemo {
  #key: unknown;
  #serde: unknown;
  #bytes: Buffer = Buffer.alloc(0);
  #hash: number | undefined;

  /** Remembers the bytes that a key came from. */
  set(key: unknown, serde: unknown, bytes: Buffer): void {
    this.#key = key;
    this.#serde = serde;
    this.#bytes = bytes;
    this.#hash = undefined;
  }

  bytesOf(key: unknown, serde: Serde<unknown>): Buffer {
    if (this.#key !== key || this.#serde !== serde) this.set(key, serde, serializeToBuffer(serde, key));
    return this.#bytes;
  }

  /** The partition of the key that `bytesOf` was last asked for (semantics 25). */
  partition(partitions: number): number {
    this.#hash ??= murmur2(this.#bytes) & 0x7fffffff;
    return this.#hash % partitions;
  }
}
