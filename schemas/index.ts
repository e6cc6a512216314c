/** The records and rows of the auction application, as types and as Avro. */

export * from './types.ts';
export { avroSerde, avroSerdes } from './serde.ts';
export { stateSerde } from './state-serde.ts';

export type { SchemaRegistry } from './registry.ts';
export type { AvroSerde, AvroSerdeOptions, AvroSerdes } from './serde.ts';
export type { StoredTypes } from './state-serde.ts';
