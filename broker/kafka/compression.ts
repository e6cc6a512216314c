/** Compressed record batches: Kafka compresses what stands behind the header. */

import { compressionsAlgorithms } from '@platformatic/kafka';
import { GavelError, toGavelError } from '../../streams/errors.ts';
import { sealBatch } from '../../streams/record-batch/index.ts';
import * as format from '../../streams/record-batch/format.ts';
import type { Compression } from './options.ts';

/** By the bits of the attributes. */
const CODECS = ['none', 'gzip', 'snappy', 'lz4', 'zstd'] as const satisfies readonly Compression[];

/** The batch with its records as they were written; the batch itself where it is not compressed. @throws GavelError `BATCH_CORRUPT` */
export function decompressBatch(batch: Buffer): Buffer {
  const codec = batch.readInt16BE(format.ATTRIBUTES) & format.COMPRESSION_MASK;
  if (codec === 0) return batch;
  const name = CODECS[codec];
  if (name === undefined) throw new GavelError('BATCH_CORRUPT', `a record batch has the unknown compression ${codec}`);
  try {
    return withRecords(batch, compressionsAlgorithms[name].decompressSync(batch.subarray(format.HEADER_BYTES)), 0);
  } catch (error) {
    throw toGavelError(error, 'BATCH_CORRUPT', `a record batch cannot be decompressed with ${name}`);
  }
}

/** A finished batch with its records compressed; it is sealed afterwards. */
export function compressBatch(batch: Buffer, compression: Compression): Buffer {
  if (compression === 'none') return batch;
  const records = compressionsAlgorithms[compression].compressSync(batch.subarray(format.HEADER_BYTES));
  return withRecords(batch, records, CODECS.indexOf(compression));
}

function withRecords(batch: Buffer, records: Buffer, codec: number): Buffer {
  const bytes = Buffer.allocUnsafe(format.HEADER_BYTES + records.length);
  batch.copy(bytes, 0, 0, format.HEADER_BYTES);
  records.copy(bytes, format.HEADER_BYTES);
  bytes.writeInt32BE(bytes.length - format.LENGTH_PREFIX_BYTES, format.BATCH_LENGTH);
  const attributes = bytes.readInt16BE(format.ATTRIBUTES) & ~format.COMPRESSION_MASK;
  bytes.writeInt16BE(attributes | codec, format.ATTRIBUTES);
  sealBatch(bytes, {});
  return bytes;
}
