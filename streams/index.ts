/** The engine's public surface. */

export { ERROR_CODES, GavelError, isGavelError, toGavelError } from './errors.ts';
export { systemClock } from './time.ts';
export {
  ByteBuffer,
  SerdeNotReady,
  bytesSerde,
  integerSerde,
  jsonSerde,
  serdeOf,
  serializeToBuffer,
  stringSerde,
} from './serde.ts';
export { CLOCK_HEADER, NO_HEADERS } from './record.ts';
export { TOPIC_CONFIG_DEFAULTS, defineTopic } from './topic.ts';
export { partitionKey } from './broker.ts';
export { murmur2, partitionOf } from './partitioner.ts';
export { BatchReader, BatchWriter, placeBatch, readHeader, sealBatch, verifyBatch } from './record-batch/index.ts';
export { globalTable, keyValueStore, port, processor, repartition, sink, source } from './graph/nodes.ts';
export { shadowOf, shadowTopicName } from './graph/shadow.ts';
export { createStreams } from './runtime/app.ts';
export { DEAD_LETTER_HEADERS, deadLetterTopicName } from './runtime/dead-letter.ts';
export { STREAMS_DEFAULTS } from './runtime/options.ts';
export { changelogTopicName, repartitionTopicName, topology } from './graph/topology.ts';

export type * from './broker.ts';
export type { ErrorCode, GavelErrorOptions, Retry } from './errors.ts';
export type * from './graph/nodes.ts';
export type { InputNode, OutputNode, Subtopology, Topology } from './graph/topology.ts';
export type * from './processor.ts';
export type { Header, StreamRecord } from './record.ts';
export type { BatchHeader, Seal } from './record-batch/index.ts';
export type { ByteSink, Serde } from './serde.ts';
export type * from './state.ts';
export type { Clock, Timer } from './time.ts';
export type { Topic, TopicConfig, TopicOptions, TopicSpec } from './topic.ts';
export type { AppStatus, InputStatus, StreamsApp, TaskStatus } from './runtime/app.ts';
export type { CommitStep } from './runtime/commit.ts';
export type { FailureStage } from './runtime/dead-letter.ts';
export type { Labels, MetricsHook } from './runtime/metrics.ts';
export type {
  Failure,
  FailureAnswer,
  FailureHandler,
  FailureHandlers,
  InstanceState,
  Listeners,
  StreamsOptions,
} from './runtime/options.ts';
export type { QueryOptions, QueryableStore, StoreAnswer } from './runtime/queries.ts';

export { describe } from './graph/describe.ts';
export { asStream, stream, table } from './dsl/stream.ts';
export { windowedPartitioner, windowedSerde } from './operators/windowed.ts';
export type { DescriptionFormat } from './graph/describe.ts';
export type { GraphEnd } from './graph/topology.ts';
export type { Aggregation, Grouped, Keying, Processed, Stream, Table, TableSourceOptions } from './dsl/stream.ts';
export type * from './dsl/options.ts';
export type { TimeWindowsOptions } from './operators/time-windows.ts';
export type { Timestamped } from './operators/timestamped.ts';
export type { Windowed, WindowedSerde } from './operators/windowed.ts';
