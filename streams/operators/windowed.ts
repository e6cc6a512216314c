/** A key within a time window, and its bytes on topics. */

import type { Partitioner } from '../graph/nodes.ts';
import { partitionOf } from '../partitioner.ts';
import { serializeToBuffer } from '../serde.ts';
import type { Serde } from '../serde.ts';
import { TIME_BYTES, readTime, writeTime } from './time-bytes.ts';

export interface Windowed<K> {
  readonly key: K;
  /** First millisecond of the window. */
  readonly start: number;
  /** The first millisecond behind it. */
  readonly end: number;
}

export interface WindowedSerde<K> extends Serde<Windowed<K>> {
  readonly inner: Serde<K>;
  readonly sizeMs: number;
}

/**
 * The key's bytes, then the window's start in 8 bytes: as Kafka Streams' `TimeWindowedSerializer`. The end follows from the size.
 *
 * @param sizeMs size of every window, in milliseconds
 */
export function windowedSerde<K>(key: Serde<K>, sizeMs: number): WindowedSerde<K> {
  return Object.freeze({
    inner: key,
    sizeMs,
    serialize(windowed, sink) {
      key.serialize(windowed.key, sink);
      writeTime(windowed.start, sink);
    },
    deserialize(bytes) {
      const at = bytes.length - TIME_BYTES;
      const start = readTime(bytes, at);
      return { key: key.deserialize(bytes.subarray(0, at)), start, end: start + sizeMs };
    },
  } satisfies WindowedSerde<K>);
}

/** Partitions by the inner key alone, so that all windows of a key meet (semantics 25). */
export function windowedPartitioner<K>(inner: Serde<K>): Partitioner<Windowed<K>, unknown> {
  return (windowed, _value, partitions) => partitionOf(serializeToBuffer(inner, windowed.key), partitions);
}

/** The partitioner that keys of this serde need, or undefined where the usual one does. */
export function partitionerOf<K>(serde: Serde<K>): Partitioner<K, unknown> | undefined {
  const { inner } = serde as Partial<WindowedSerde<unknown>>;
  return inner === undefined ? undefined : (windowedPartitioner(inner) as unknown as Partitioner<K, unknown>);
}
