/** Decodes values from a log, also where their schema must first be fetched. */

import { SerdeNotReady, type Serde } from 'gavel/streams';

/** The value; a promise of it only where its schema is new. @throws what the serde throws for bytes that it cannot read. */
export function decode<T>(serde: Serde<T>, bytes: Buffer): T | Promise<T> {
  try {
    return serde.deserialize(bytes);
  } catch (error) {
    if (error instanceof SerdeNotReady) return error.ready.then(() => decode(serde, bytes));
    throw error;
  }
}
