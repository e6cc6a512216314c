/** What Kafka's error codes mean to us: the one table, and which of them pass by themselves. */

import type { ErrorCode } from '../../streams/errors.ts';
import { GavelError } from '../../streams/errors.ts';
import { protocolErrorsCodesById } from '@platformatic/kafka';

/** Kafka's name of an error → our code. What is missing here and does not pass is `BROKER_REFUSED`. */
const CODES: Readonly<Record<string, ErrorCode>> = {
  // topics and offsets
  UNKNOWN_TOPIC_OR_PARTITION: 'TOPIC_UNKNOWN',
  UNKNOWN_TOPIC_ID: 'TOPIC_UNKNOWN',
  INCONSISTENT_TOPIC_ID: 'TOPIC_UNKNOWN',
  OFFSET_OUT_OF_RANGE: 'OFFSET_OUT_OF_RANGE',
  INVALID_TOPIC_EXCEPTION: 'OPTION_INVALID',
  INVALID_PARTITIONS: 'OPTION_INVALID',
  INVALID_REPLICATION_FACTOR: 'OPTION_INVALID',
  INVALID_CONFIG: 'OPTION_INVALID',
  INVALID_REQUEST: 'OPTION_INVALID',
  POLICY_VIOLATION: 'OPTION_INVALID',
  // records
  MESSAGE_TOO_LARGE: 'RECORD_TOO_LARGE',
  RECORD_LIST_TOO_LARGE: 'RECORD_TOO_LARGE',
  CORRUPT_MESSAGE: 'BATCH_CORRUPT',
  INVALID_RECORD: 'BATCH_CORRUPT',
  INVALID_TIMESTAMP: 'BATCH_CORRUPT',
  // groups
  UNKNOWN_MEMBER_ID: 'UNKNOWN_MEMBER',
  ILLEGAL_GENERATION: 'ILLEGAL_GENERATION',
  REBALANCE_IN_PROGRESS: 'REBALANCE_IN_PROGRESS',
  FENCED_INSTANCE_ID: 'FENCED_INSTANCE',
  UNRELEASED_INSTANCE_ID: 'FENCED_INSTANCE',
  UNSTABLE_OFFSET_COMMIT: 'UNSTABLE_OFFSETS',
  NON_EMPTY_GROUP: 'GROUP_ACTIVE',
  GROUP_SUBSCRIBED_TO_TOPIC: 'GROUP_ACTIVE',
  INVALID_SESSION_TIMEOUT: 'OPTION_INVALID',
  INVALID_TRANSACTION_TIMEOUT: 'OPTION_INVALID',
  // transactions
  PRODUCER_FENCED: 'PRODUCER_FENCED',
  INVALID_PRODUCER_EPOCH: 'PRODUCER_FENCED',
  INVALID_PRODUCER_ID_MAPPING: 'PRODUCER_FENCED',
  TRANSACTION_ABORTABLE: 'TRANSACTION_ABORTED',
  INVALID_TXN_STATE: 'TRANSACTION_ABORTED',
  // sequences: some batch is in the log or not, and nobody can tell
  OUT_OF_ORDER_SEQUENCE_NUMBER: 'OUTCOME_UNKNOWN',
  DUPLICATE_SEQUENCE_NUMBER: 'OUTCOME_UNKNOWN',
  UNKNOWN_PRODUCER_ID: 'OUTCOME_UNKNOWN',
};

/** Passes by itself: another broker leads, a coordinator moves or loads, markers are being written. */
const PASSING: ReadonlySet<string> = new Set([
  'LEADER_NOT_AVAILABLE',
  'NOT_LEADER_OR_FOLLOWER',
  'FENCED_LEADER_EPOCH',
  'UNKNOWN_LEADER_EPOCH',
  'REPLICA_NOT_AVAILABLE',
  'OFFSET_NOT_AVAILABLE',
  'LISTENER_NOT_FOUND',
  'REQUEST_TIMED_OUT',
  'NETWORK_EXCEPTION',
  'COORDINATOR_LOAD_IN_PROGRESS',
  'COORDINATOR_NOT_AVAILABLE',
  'NOT_COORDINATOR',
  'NOT_CONTROLLER',
  'NOT_ENOUGH_REPLICAS',
  'NOT_ENOUGH_REPLICAS_AFTER_APPEND',
  'KAFKA_STORAGE_ERROR',
  'CONCURRENT_TRANSACTIONS',
  'THROTTLING_QUOTA_EXCEEDED',
  'BROKER_NOT_AVAILABLE',
]);

const HINTS: Partial<Record<ErrorCode, string>> = {
  BROKER_REFUSED: 'Check user, password and mechanism, and that the ACLs allow this to the user.',
  BROKER_UNAVAILABLE: 'Check the address of the brokers, whether they run, and whether they want TLS.',
  RECORD_TOO_LARGE: "Send smaller batches or records, or raise the topic's maxMessageBytes.",
};

/** Kafka's names of what went wrong, the first error of an answer first; empty where none came from a broker. */
export function brokerErrors(error: unknown): readonly string[] {
  const names: string[] = [];
  for (let cause = error; cause instanceof Error; cause = cause.cause) {
    const { apiId, errors } = cause as { readonly apiId?: unknown; readonly errors?: unknown };
    if (typeof apiId === 'string') names.push(apiId);
    if (Array.isArray(errors)) names.push(...errors.flatMap((each: unknown) => brokerErrors(each)));
  }
  return names;
}

/** Whether the connection failed, be it that nobody knows what became of the request. */
export function isConnectionError(error: unknown): boolean {
  const code = (error as { readonly code?: unknown } | undefined)?.code;
  return (code === 'PLT_KFK_NETWORK' || code === 'PLT_KFK_TIMEOUT') && !isRefusal(error);
}

/** Whether the same request may succeed later. */
export function isPassing(error: unknown): boolean {
  if (isConnectionError(error)) return true;
  const names = brokerErrors(error);
  return names.length > 0 && names.every((name) => PASSING.has(name));
}

/** The name of an error code in an answer. */
export function errorName(code: number): string {
  return protocolErrorsCodesById[code] ?? `error ${code}`;
}

export function isPassingName(name: string): boolean {
  return PASSING.has(name);
}

/** @param what the request, for the message: `commit offsets of group g` */
export function namedError(name: string, what: string, cause?: unknown): GavelError {
  const code = CODES[name] ?? (PASSING.has(name) ? 'BROKER_UNAVAILABLE' : 'BROKER_REFUSED');
  const hint = HINTS[code];
  return new GavelError(code, `Kafka answered ${name} to: ${what}`, {
    ...(cause !== undefined && { cause }),
    ...(hint !== undefined && { hint }),
  });
}

/** Ours for whatever a request threw. */
export function kafkaError(error: unknown, what: string): GavelError {
  if (error instanceof GavelError) return error;
  const names = brokerErrors(error);
  const name = names.find((each) => !PASSING.has(each)) ?? names[0];
  if (name !== undefined) return namedError(name, what, error);
  const code: ErrorCode = isConnectionError(error) ? 'BROKER_UNAVAILABLE' : 'BROKER_REFUSED';
  return new GavelError(code, `no answer from Kafka to: ${what}: ${reason(error)}`, {
    cause: error,
    ...(HINTS[code] !== undefined && { hint: HINTS[code] }),
  });
}

/** Wrong credentials, a certificate that is not trusted, TLS where there is none or the other way round. */
function isRefusal(error: unknown): boolean {
  for (let cause = error; cause instanceof Error; cause = cause.cause) {
    const code = String((cause as { readonly code?: unknown }).code);
    if (code === 'PLT_KFK_AUTHENTICATION' || code === 'PLT_KFK_USER' || /CERT|TLS|SSL/.test(code)) return true;
  }
  return false;
}

/** The messages of an error and its causes. */
function reason(error: unknown): string {
  const messages: string[] = [];
  for (let cause = error; cause instanceof Error; cause = cause.cause) messages.push(cause.message);
  return messages.join(': ') || String(error);
}
