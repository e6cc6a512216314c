/** What goes over the local socket: calls, answers, and fetched data pushed by the server. */

import type { FetchedPartition } from '../../streams/broker.ts';
import type { ErrorCode } from '../../streams/errors.ts';
import { ERROR_CODES, GavelError, isGavelError } from '../../streams/errors.ts';

/** A call; `on` names the object that the client opened (a producer, a fetcher), 0 = the broker itself. */
export interface CallMessage {
  readonly id: number;
  readonly on: number;
  readonly method: string;
  readonly args: readonly unknown[];
}

export interface AnswerMessage {
  readonly id: number;
  readonly value?: unknown;
  readonly error?: ErrorMessage;
}

/** Pushed for a fetcher once it has given leave for it. */
export interface PushMessage {
  readonly fetcher: number;
  readonly parts: readonly FetchedMessage[];
}

/** `assignment` counts the assignments of the partition: data of an earlier one are dropped. */
export interface FetchedMessage extends Omit<FetchedPartition, 'error'> {
  readonly assignment: number;
  readonly error?: ErrorMessage;
}

export interface ErrorMessage {
  readonly code: ErrorCode;
  readonly message: string;
  readonly hint: string | undefined;
}

/** @param error whatever a call threw; what is none of ours crosses as `ILLEGAL_STATE` */
export function packError(error: unknown): ErrorMessage {
  if (isGavelError(error)) return { code: error.code, message: error.message, hint: error.hint };
  const message = error instanceof Error ? error.message : String(error);
  return { code: 'ILLEGAL_STATE', message: `the owner of the data failed: ${message}`, hint: undefined };
}

export function unpackError({ code, message, hint }: ErrorMessage): GavelError {
  const known: ErrorCode = code in ERROR_CODES ? code : 'ILLEGAL_STATE';
  return new GavelError(known, message, hint === undefined ? {} : { hint });
}
