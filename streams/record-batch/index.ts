/** The record-batch codec: the one format of everything that is read from or written to a log. */

export { BatchReader, batchEnd } from './reader.ts';
export { BatchWriter } from './writer.ts';
export { placeBatch, readHeader, sealBatch, verifyBatch } from './seal.ts';

export type { BatchHeader, Seal } from './seal.ts';
