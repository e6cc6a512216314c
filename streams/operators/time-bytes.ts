/** Times as bytes: 8, big-endian, so that byte order is time order; the same as a Java `long` that is not negative. */

import type { ByteSink } from '../serde.ts';

export const TIME_BYTES = 8;

/** @throws RangeError unless `time` is a whole number from 0 to 2^53 - 1 */
export function writeTime(time: number, sink: ByteSink): void {
  if (!Number.isSafeInteger(time) || time < 0) throw new RangeError(`not a time in ms: ${time}`);
  sink.reserve(TIME_BYTES);
  sink.buffer.writeUInt32BE(Math.floor(time / 0x1_0000_0000), sink.position);
  sink.buffer.writeUInt32BE(time % 0x1_0000_0000, sink.position + 4);
  sink.position += TIME_BYTES;
}

/** @throws RangeError where fewer than 8 bytes are left */
export function readTime(bytes: Buffer, at: number): number {
  return bytes.readUInt32BE(at) * 0x1_0000_0000 + bytes.readUInt32BE(at + 4);
}
