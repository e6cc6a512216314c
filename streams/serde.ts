/** Serdes: how keys and values become bytes and come back, without a copy in between. */

/** A growing buffer that serdes append to. Write at `position` after `reserve`, then advance `position`. */
export interface ByteSink {
  /** Valid until the next `reserve`, which may replace it. */
  readonly buffer: Buffer;
  /** Where the next byte goes. */
  position: number;
  /** Makes sure that `bytes` more bytes fit behind `position`. */
  reserve(bytes: number): void;
}

/**
 * Turns values of one type into bytes and back. Both directions are synchronous.
 *
 * `deserialize` gets bytes that belong to a larger buffer: copy what must outlive the record.
 * It throws on malformed bytes (the record goes to the deserialization handler), or `SerdeNotReady` where something must
 * first be fetched (a schema by its id): the engine awaits `ready` and calls again.
 */
export interface Serde<T> {
  serialize(value: T, sink: ByteSink): void;
  deserialize(bytes: Buffer): T;
}

/** Thrown by `deserialize` when it must wait for something; not a failure. `ready` rejects only if it never will be. */
export class SerdeNotReady extends Error {
  readonly ready: Promise<void>;

  constructor(ready: Promise<void>) {
    super('the serde must fetch something first');
    this.name = 'SerdeNotReady';
    this.ready = ready;
  }
}

/** A plain growing `ByteSink`, for encodings outside of record batches. */
export class ByteBuffer implements ByteSink {
  buffer: Buffer;
  position = 0;

  constructor(capacity = 256) {
    this.buffer = Buffer.allocUnsafeSlow(capacity);
  }

  reserve(bytes: number): void {
    const needed = this.position + bytes;
    if (needed <= this.buffer.length) return;
    const larger = Buffer.allocUnsafeSlow(Math.max(needed, this.buffer.length * 2));
    this.buffer.copy(larger, 0, 0, this.position);
    this.buffer = larger;
  }

  /** A copy of what was written, and an empty buffer again. */
  take(): Buffer {
    const bytes = Buffer.from(this.buffer.subarray(0, this.position));
    this.position = 0;
    return bytes;
  }
}

const scratch = new ByteBuffer(1024);

/** The bytes of one value, as a buffer of its own. */
export function serializeToBuffer<T>(serde: Serde<T>, value: T): Buffer {
  scratch.position = 0;
  serde.serialize(value, scratch);
  return scratch.take();
}

/** A serde from two plain functions; costs a copy on the way out. */
export function serdeOf<T>(encode: (value: T) => Uint8Array, decode: (bytes: Buffer) => T): Serde<T> {
  return {
    serialize(value, sink) {
      const bytes = encode(value);
      sink.reserve(bytes.length);
      sink.buffer.set(bytes, sink.position);
      sink.position += bytes.length;
    },
    deserialize: decode,
  };
}

/** UTF-8 text; byte order is code-point order. */
export const stringSerde: Serde<string> = {
  serialize(value, sink) {
    sink.reserve(value.length * 3);
    sink.position += sink.buffer.write(value, sink.position, 'utf8');
  },
  deserialize: (bytes) => bytes.toString('utf8'),
};

/** Bytes as they are, copied both ways. */
export const bytesSerde: Serde<Uint8Array> = serdeOf<Uint8Array>(
  (value) => value,
  (bytes) => Buffer.from(bytes),
);

/** Safe integers as 8 bytes, sign flipped, so that byte order is number order. */
export const integerSerde: Serde<number> = {
  serialize(value, sink) {
    if (!Number.isSafeInteger(value)) throw new RangeError(`not a safe integer: ${value}`);
    sink.reserve(8);
    const high = Math.floor(value / 0x1_0000_0000);
    sink.buffer.writeUInt32BE((high ^ 0x8000_0000) >>> 0, sink.position);
    sink.buffer.writeUInt32BE(value - high * 0x1_0000_0000, sink.position + 4);
    sink.position += 8;
  },
  deserialize(bytes) {
    if (bytes.length !== 8) throw new RangeError(`an integer has 8 bytes, not ${bytes.length}`);
    const high = (bytes.readUInt32BE(0) ^ 0x8000_0000) | 0;
    return high * 0x1_0000_0000 + bytes.readUInt32BE(4);
  },
};

/** A JSON document in UTF-8. */
export function jsonSerde<T>(): Serde<T> {
  return serdeOf<T>(
    (value) => Buffer.from(JSON.stringify(value)),
    (bytes) => JSON.parse(bytes.toString('utf8')) as T,
  );
}
