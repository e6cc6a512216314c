/** Brokers: in memory for tests, embedded in this process, over a local socket, and on a Kafka cluster. */

export { openEmbeddedBroker } from './embedded/embedded-broker.ts';
export { kafkaBroker } from './kafka/index.ts';
export { memoryBroker } from './memory/memory-broker.ts';
export { connectBroker } from './remote/client.ts';
export { serveBroker } from './remote/server.ts';
export { readRecords, recordProducer } from './records.ts';

export type { EmbeddedBroker, EmbeddedBrokerOptions } from './embedded/embedded-broker.ts';
export type { Compression, KafkaBrokerOptions, SaslOptions } from './kafka/options.ts';
export type { MemoryBroker, MemoryBrokerControl, MemoryBrokerOptions } from './memory/memory-broker.ts';
export type { Call, Fault, Interceptor, Operation } from './memory/gate.ts';
export type { OutgoingRecord, RawRecord, RecordProducer, RecordRange } from './records.ts';
export type { RemoteBroker } from './remote/client.ts';
export type { ServeOptions } from './remote/server.ts';
