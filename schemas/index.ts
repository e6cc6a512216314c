/** The records and rows of the auction application, as types and as Avro. */

export * from './types.ts';
export { avroSerde, avroSerdes } from './serde.ts';
export { inspectRecord } from './inspect.ts';
export { memoryRegistry } from './memory-registry.ts';
export { registryClient } from './registry-client.ts';
export { openRegistryServer } from './registry-server.ts';
export { stateSerde } from './state-serde.ts';

export type { InspectedRecord, Json } from './inspect.ts';
export type { RegistryClientOptions } from './registry-client.ts';
export type { RegistryServer, RegistryServerOptions } from './registry-server.ts';
export type { SchemaRegistry } from './registry.ts';
export type { AvroSerde, AvroSerdeOptions, AvroSerdes } from './serde.ts';
export type { StoredTypes } from './state-serde.ts';
