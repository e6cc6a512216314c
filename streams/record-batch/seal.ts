/** What a log does to a finished batch: who produced it, where it stands, when it was appended, and its checksum. */

import { crc32c } from '@node-rs/crc32';
import { GavelError } from '../errors.ts';
import { batchEnd } from './reader.ts';
import * as format from './format.ts';

export interface Seal {
  /** Default none. */
  readonly producer?: { readonly id: number; readonly epoch: number; readonly sequence: number };
  readonly transactional?: boolean;
  /** The log's time for every record of the batch; default the producer's times stand. */
  readonly appendTime?: number;
}

/** Fills in producer, attributes and CRC of a whole uncompressed batch, in place. */
export function sealBatch(bytes: Buffer, seal: Seal): void {
  let attributes = bytes.readInt16BE(format.ATTRIBUTES);
  if (seal.transactional === true) attributes |= format.TRANSACTIONAL;
  if (seal.appendTime !== undefined) {
    attributes |= format.LOG_APPEND_TIME;
    format.writeLong(bytes, seal.appendTime, format.MAX_TIMESTAMP);
  }
  bytes.writeInt16BE(attributes, format.ATTRIBUTES);
  if (seal.producer !== undefined) {
    format.writeLong(bytes, seal.producer.id, format.PRODUCER_ID);
    bytes.writeInt16BE(seal.producer.epoch, format.PRODUCER_EPOCH);
    bytes.writeInt32BE(seal.producer.sequence, format.BASE_SEQUENCE);
  }
  bytes.writeUInt32BE(crc32c(bytes.subarray(format.ATTRIBUTES)), format.CRC);
}

/** Writes where the batch stands in its log; outside of the checksum. */
export function placeBatch(bytes: Buffer, baseOffset: number, leaderEpoch: number): void {
  format.writeLong(bytes, baseOffset, format.BASE_OFFSET);
  bytes.writeInt32BE(leaderEpoch, format.LEADER_EPOCH);
}

/** The header of a batch, for logs and compaction. */
export interface BatchHeader {
  readonly baseOffset: number;
  readonly lastOffset: number;
  readonly count: number;
  readonly maxTimestamp: number;
  readonly baseTimestamp: number;
  readonly leaderEpoch: number;
  readonly producerId: number;
  readonly producerEpoch: number;
  readonly baseSequence: number;
  readonly transactional: boolean;
  readonly control: boolean;
  readonly appendTime: boolean;
  /** Bytes of the whole batch. */
  readonly length: number;
}

/** @throws GavelError `BATCH_CORRUPT` where the batch is cut off or of another format. */
export function readHeader(bytes: Buffer, at = 0): BatchHeader {
  const end = batchEnd(bytes, at);
  const attributes = bytes.readInt16BE(at + format.ATTRIBUTES);
  const baseOffset = format.readLong(bytes, at + format.BASE_OFFSET);
  return {
    baseOffset,
    lastOffset: baseOffset + bytes.readInt32BE(at + format.LAST_OFFSET_DELTA),
    count: bytes.readInt32BE(at + format.RECORD_COUNT),
    maxTimestamp: format.readLong(bytes, at + format.MAX_TIMESTAMP),
    baseTimestamp: format.readLong(bytes, at + format.BASE_TIMESTAMP),
    leaderEpoch: bytes.readInt32BE(at + format.LEADER_EPOCH),
    producerId: format.readLong(bytes, at + format.PRODUCER_ID),
    producerEpoch: bytes.readInt16BE(at + format.PRODUCER_EPOCH),
    baseSequence: bytes.readInt32BE(at + format.BASE_SEQUENCE),
    transactional: (attributes & format.TRANSACTIONAL) !== 0,
    control: (attributes & format.CONTROL) !== 0,
    appendTime: (attributes & format.LOG_APPEND_TIME) !== 0,
    length: end - at,
  };
}

/** @throws GavelError `BATCH_CORRUPT` where the checksum is not that of the bytes. */
export function verifyBatch(bytes: Buffer, at = 0): void {
  const end = batchEnd(bytes, at);
  const expected = bytes.readUInt32BE(at + format.CRC);
  const actual = crc32c(bytes.subarray(at + format.ATTRIBUTES, end));
  if (actual !== expected) {
    throw new GavelError('BATCH_CORRUPT', `a record batch is damaged: its checksum is ${actual}, not ${expected}`);
  }
}
