/** The layout of a record batch (Kafka's format, magic 2) and its varints; see docs/formats.md. */

/** Byte positions of the header's fields. */
export const BASE_OFFSET = 0;
export const BATCH_LENGTH = 8;
export const LEADER_EPOCH = 12;
export const MAGIC = 16;
export const CRC = 17;
export const ATTRIBUTES = 21;
export const LAST_OFFSET_DELTA = 23;
export const BASE_TIMESTAMP = 27;
export const MAX_TIMESTAMP = 35;
export const PRODUCER_ID = 43;
export const PRODUCER_EPOCH = 51;
export const BASE_SEQUENCE = 53;
export const RECORD_COUNT = 57;
/** Where the first record begins. */
export const HEADER_BYTES = 61;
/** Bytes before those that BATCH_LENGTH counts. */
export const LENGTH_PREFIX_BYTES = 12;

/** Bits of ATTRIBUTES. */
export const COMPRESSION_MASK = 0x07;
export const LOG_APPEND_TIME = 0x08;
export const TRANSACTIONAL = 0x10;
export const CONTROL = 0x20;

const TWO_32 = 0x1_0000_0000;

/** A signed 64-bit integer as a number; exact within ±2^53. */
export function readLong(bytes: Buffer, at: number): number {
  return bytes.readInt32BE(at) * TWO_32 + bytes.readUInt32BE(at + 4);
}

export function writeLong(bytes: Buffer, value: number, at: number): void {
  const high = Math.floor(value / TWO_32);
  bytes.writeInt32BE(high, at);
  bytes.writeUInt32BE(value - high * TWO_32, at + 4);
}

/** Writes a zigzag varint; answers the position behind it. */
export function writeVarint(bytes: Buffer, value: number, at: number): number {
  let zigzag = value >= 0 ? value * 2 : -value * 2 - 1;
  let position = at;
  while (zigzag >= 0x80) {
    bytes[position++] = (zigzag % 0x80) | 0x80;
    zigzag = Math.floor(zigzag / 0x80);
  }
  bytes[position++] = zigzag;
  return position;
}

/** Writes a non-negative length below 2^(7·width−1) as a zigzag varint padded to `width` bytes, which every reader accepts. */
export function writePaddedLength(bytes: Buffer, length: number, at: number, width: number): void {
  let zigzag = length * 2;
  for (let i = 0; i < width - 1; i++) {
    bytes[at + i] = (zigzag & 0x7f) | 0x80;
    zigzag >>>= 7;
  }
  bytes[at + width - 1] = zigzag;
}

/** The bytes that a non-negative length needs as a zigzag varint. */
export function lengthWidth(length: number): number {
  return length < 0x40 ? 1 : length < 0x2000 ? 2 : length < 0x10_0000 ? 3 : length < 0x800_0000 ? 4 : 5;
}
