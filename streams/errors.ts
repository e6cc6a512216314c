/** The one error class and the one table of codes; loops decide by reading `retry`, never by matching text. */

/**
 * What a caller may do after an error: `backoff` = the same call again later; `restart-task` = the outcome is unknown
 * or the membership is lost, drop the open work and go on from the group's offsets; `never` = stop and tell a person.
 */
export type Retry = 'backoff' | 'restart-task' | 'never';

/** Every code with what may be done about it. Add a code here before its first use. */
export const ERROR_CODES = {
  // definition and configuration
  TOPOLOGY_INVALID: 'never',
  OPTION_INVALID: 'never',
  USAGE: 'never',
  UNSAFE: 'never',
  // serdes and registry
  SERDE_FAILED: 'never',
  SCHEMA_UNKNOWN: 'never',
  SCHEMA_INCOMPATIBLE: 'never',
  SCHEMA_INVALID: 'never',
  REGISTRY_UNAVAILABLE: 'backoff',
  // record batches and logs
  BATCH_CORRUPT: 'never',
  LOG_CORRUPT: 'never',
  RECORD_TOO_LARGE: 'never',
  STORAGE_FULL: 'never',
  STORAGE_FAILED: 'never',
  // broker: topics and offsets
  TOPIC_UNKNOWN: 'never',
  TOPIC_MISMATCH: 'never',
  OFFSET_OUT_OF_RANGE: 'never',
  BROKER_UNAVAILABLE: 'backoff',
  BROKER_REFUSED: 'never',
  BROKER_CLOSED: 'never',
  DIRECTORY_OWNED: 'never',
  // broker: groups
  REBALANCE_IN_PROGRESS: 'backoff',
  UNKNOWN_MEMBER: 'restart-task',
  ILLEGAL_GENERATION: 'restart-task',
  FENCED_INSTANCE: 'never',
  UNSTABLE_OFFSETS: 'backoff',
  GROUP_OFFSETS_MISSING: 'never',
  GROUP_ACTIVE: 'never',
  // broker: transactions
  PRODUCER_FENCED: 'restart-task',
  TRANSACTION_ABORTED: 'restart-task',
  OUTCOME_UNKNOWN: 'restart-task',
  // state
  STATE_CORRUPT: 'restart-task',
  STATE_LOCKED: 'never',
  STATE_AHEAD: 'never',
  STORE_UNKNOWN: 'never',
  STORE_NOT_READY: 'backoff',
  // engine
  PROCESSING_FAILED: 'never',
  PRODUCTION_FAILED: 'never',
  CHANGELOG_POISON: 'never',
  ILLEGAL_STATE: 'never',
  KILLED: 'never',
  // application
  INPUT_INVALID: 'never',
  NO_PROGRESS: 'never',
} as const satisfies Readonly<Record<string, Retry>>;

export type ErrorCode = keyof typeof ERROR_CODES;

export interface GavelErrorOptions {
  readonly cause?: unknown;
  /** What the reader should do about it: one sentence. */
  readonly hint?: string;
}

/** An error with a stable code, what may be done about it and, where there is one, the fix. */
export class GavelError extends Error {
  readonly code: ErrorCode;
  readonly retry: Retry;
  readonly hint: string | undefined;

  constructor(code: ErrorCode, message: string, options: GavelErrorOptions = {}) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.name = 'GavelError';
    this.code = code;
    this.retry = ERROR_CODES[code];
    this.hint = options.hint;
  }
}

/** True where `error` is a GavelError, with that code if one is given. */
export function isGavelError<C extends ErrorCode>(
  error: unknown,
  code?: C,
): error is GavelError & { readonly code: C } {
  return error instanceof GavelError && (code === undefined || error.code === code);
}

/** The error itself where it is one of ours, else one of ours with it as its cause. */
export function toGavelError(error: unknown, code: ErrorCode, message: string): GavelError {
  if (error instanceof GavelError) return error;
  const text = error instanceof Error ? error.message : String(error);
  return new GavelError(code, `${message}: ${text}`, { cause: error });
}
