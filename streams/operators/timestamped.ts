/** A row of a table: its value and the time of the newest record in it (semantics 9). */

import type { Serde } from '../serde.ts';
import { TIME_BYTES, readTime, writeTime } from './time-bytes.ts';

export interface Timestamped<V> {
  readonly value: V;
  /** Milliseconds since the epoch. */
  readonly timestamp: number;
}

/** Time in 8 bytes, then the value: as Kafka Streams' `ValueAndTimestampSerializer`. */
export function timestampedSerde<V>(value: Serde<V>): Serde<Timestamped<V>> {
  return {
    serialize(row, sink) {
      writeTime(row.timestamp, sink);
      value.serialize(row.value, sink);
    },
    deserialize: (bytes) => ({ value: value.deserialize(bytes.subarray(TIME_BYTES)), timestamp: readTime(bytes, 0) }),
  };
}
