/** What the open epoch sends: batches under construction per topic-partition. */

import { partitionKey } from '../broker.ts';
import type { ProducedBatch } from '../broker.ts';
import { GavelError } from '../errors.ts';
import type { Header } from '../record.ts';
import type { Serde } from '../serde.ts';
import { BatchWriter } from '../record-batch/index.ts';

/** A batch is closed beyond this many bytes, well below the usual `max.message.bytes`. */
const BATCH_BYTES = 700 * 1024;
/** Bytes that the lengths of a record, and of each header, take at most. */
const LENGTHS_MAX = 16;
/** Buffers kept for reuse. */
const POOL_MAX = 32;

export interface OutputTarget {
  readonly topic: string;
  readonly maxMessageBytes: number;
}

interface OpenBatch {
  readonly target: OutputTarget;
  readonly partition: number;
  readonly writer: BatchWriter;
}

const pool: BatchWriter[] = [];

export class OutputBuffer {
  #open = new Map<OutputTarget, (OpenBatch | undefined)[]>();
  #closed: ProducedBatch[] = [];
  #closedBytes = 0;
  /** Records taken. */
  records = 0;

  /**
   * Adds a record.
   * @throws GavelError `RECORD_TOO_LARGE`, or what the serde throws; then nothing was added
   */
  append(
    output: { readonly target: OutputTarget; readonly value: Serde<unknown> },
    partition: number,
    key: Buffer | null,
    record: Payload,
  ): void {
    const open = this.#batch(output.target, partition);
    const { writer } = open;
    writer.start(record.timestamp);
    try {
      writer.keyBytes(key);
      if (record.value === null) writer.valueBytes(null);
      else writer.value(output.value, record.value);
    } catch (error) {
      writer.undo();
      throw error;
    }
    if (this.#fits(open, record.headers)) this.#end(open, record.headers);
    else this.append(output, partition, key, record);
  }

  /** Adds a record whose value is bytes already. @throws GavelError `RECORD_TOO_LARGE`; then nothing was added */
  appendBytes(target: OutputTarget, partition: number, record: RawOutput): void {
    const open = this.#batch(target, partition);
    const { writer } = open;
    writer.start(record.timestamp);
    writer.keyBytes(record.key);
    writer.valueBytes(record.value);
    if (this.#fits(open, record.headers)) this.#end(open, record.headers);
    else this.appendBytes(target, partition, record);
  }

  /** Bytes so far. */
  get bytes(): number {
    let bytes = this.#closedBytes;
    for (const partitions of this.#open.values())
      for (const open of partitions) bytes += open === undefined ? 0 : open.writer.position;
    return bytes;
  }

  get isEmpty(): boolean {
    return this.records === 0;
  }

  /** All batches; the buffer is empty after this. */
  take(): readonly ProducedBatch[] {
    for (const partitions of this.#open.values())
      for (const open of partitions) if (open !== undefined) this.#close(open);
    const batches = this.#closed;
    this.clear();
    return batches;
  }

  /** Drops everything. */
  clear(): void {
    for (const partitions of this.#open.values()) {
      for (const open of partitions) if (open !== undefined) release(open.writer);
    }
    this.#open.clear();
    this.#closed = [];
    this.#closedBytes = 0;
    this.records = 0;
  }

  #batch(target: OutputTarget, partition: number): OpenBatch {
    let partitions = this.#open.get(target);
    if (partitions === undefined) this.#open.set(target, (partitions = []));
    let open = partitions[partition];
    if (open === undefined) {
      open = { target, partition, writer: pool.pop() ?? new BatchWriter() };
      partitions[partition] = open;
    }
    return open;
  }

  /** False where the record was taken back because the batch had to be closed before it. */
  #fits({ target, partition, writer }: OpenBatch, headers: readonly Header[]): boolean {
    const bytes = writer.position + LENGTHS_MAX + bytesOf(headers);
    if (bytes <= target.maxMessageBytes) return true;
    writer.undo();
    if (writer.count > 0) {
      this.#close({ target, partition, writer });
      return false;
    }
    throw new GavelError(
      'RECORD_TOO_LARGE',
      `a record of ${bytes} bytes for ${partitionKey(target.topic, partition)} is above the topic's ${target.maxMessageBytes}`,
      { hint: 'raise maxMessageBytes of the topic or send less' },
    );
  }

  #end(open: OpenBatch, headers: readonly Header[]): void {
    open.writer.end(headers);
    this.records++;
    if (open.writer.position > BATCH_BYTES) this.#close(open);
  }

  #close(open: OpenBatch): void {
    if (open.writer.count > 0) {
      const { bytes, count } = open.writer.take();
      this.#closed.push({ topic: open.target.topic, partition: open.partition, bytes, count });
      this.#closedBytes += bytes.length;
    }
    release(open.writer);
    const partitions = this.#open.get(open.target);
    if (partitions !== undefined) partitions[open.partition] = undefined;
  }
}

/** What is written of a record besides its key. */
export interface Payload {
  readonly timestamp: number;
  readonly value: unknown;
  readonly headers: readonly Header[];
}

/** A record in bytes. */
export interface RawOutput {
  readonly timestamp: number;
  readonly key: Uint8Array | null;
  readonly value: Uint8Array | null;
  readonly headers: readonly Header[];
}

function bytesOf(headers: readonly Header[]): number {
  let bytes = 0;
  for (const { key, value } of headers) bytes += Buffer.byteLength(key) + (value?.length ?? 0) + LENGTHS_MAX;
  return bytes;
}

function release(writer: BatchWriter): void {
  writer.clear();
  if (pool.length < POOL_MAX) pool.push(writer);
}
