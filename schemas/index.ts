/** The records and rows of the auction application, as types and as Avro. */

export * from './types.ts';
