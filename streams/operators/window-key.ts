/**
 * Keys of a window store: segment (8 bytes, big-endian), inner key, start of the window (8 bytes, big-endian).
 * The segment is `floor(start / segmentMs)` and stands first, so that what expires together lies together (semantics 22).
 * Time windows have `segmentMs` = `advanceMs`: one start per segment, so that a row is gone as soon as it has expired.
 */

import type { Serde } from '../serde.ts';
import { TIME_BYTES, readTime, writeTime } from './time-bytes.ts';
import type { Windowed } from './windowed.ts';

function segmentOf(start: number, segmentMs: number): number {
  return Math.floor(start / segmentMs);
}

/** Sorts before every row of its segment and behind those of earlier ones: its bytes are the segment's alone. For scans only. */
export function segmentBound(start: number): Windowed<never> {
  return { key: undefined as never, start, end: start };
}

export function windowKeySerde<K>(
  key: Serde<K>,
  windows: { readonly sizeMs: number; readonly segmentMs: number },
): Serde<Windowed<K>> {
  const { sizeMs, segmentMs } = windows;
  return {
    serialize(windowed, sink) {
      writeTime(segmentOf(windowed.start, segmentMs), sink);
      if (windowed.key === undefined) return;
      key.serialize(windowed.key, sink);
      writeTime(windowed.start, sink);
    },
    deserialize(bytes) {
      const at = bytes.length - TIME_BYTES;
      const start = readTime(bytes, at);
      return { key: key.deserialize(bytes.subarray(TIME_BYTES, at)), start, end: start + sizeMs };
    },
  };
}
