/** Decodes a value, waiting for its schema where the serde does not know it yet. */

import type { Serde } from 'gavel/streams';
import { SerdeNotReady } from 'gavel/streams';

/** @throws what the serde throws */
export async function decode<T>(serde: Serde<T>, bytes: Buffer): Promise<T> {
  for (;;) {
    try {
      return serde.deserialize(bytes);
    } catch (error) {
      if (!(error instanceof SerdeNotReady)) throw error;
      await error.ready;
    }
  }
}
