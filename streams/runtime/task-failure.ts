/** A record, wake or punctuation that failed, and what is to be done about it. */

import { GavelError, isGavelError } from '../errors.ts';
import type { DeadLetterReason, FailureStage } from './dead-letter.ts';
import type { FailureHandlers } from './options.ts';

export class TaskFailure extends Error {
  readonly task: string;
  readonly stage: FailureStage;
  /** The record that failed; undefined for wakes and punctuations, which cannot be skipped. */
  readonly at: { readonly topic: string; readonly partition: number; readonly offset: number } | undefined;

  constructor(task: string, stage: FailureStage, at: TaskFailure['at'], cause: unknown) {
    super(cause instanceof Error ? cause.message : String(cause), { cause });
    this.name = 'TaskFailure';
    this.task = task;
    this.stage = stage;
    this.at = at === undefined ? undefined : { topic: at.topic, partition: at.partition, offset: at.offset };
  }
}

/** What a record gets instead of being processed. */
export interface Skip extends Pick<DeadLetterReason, 'stage' | 'reason' | 'message'> {
  readonly deadLetter: boolean;
}

export type Verdict =
  | { readonly kind: 'fail'; readonly error: GavelError }
  /** The state is damaged: drop everything and start over. */
  | { readonly kind: 'start over'; readonly error: GavelError }
  /** Something is unreachable: the same again later. */
  | { readonly kind: 'later' }
  | { readonly kind: 'skip'; readonly at: NonNullable<TaskFailure['at']>; readonly skip: Skip };

/** Asks the handler of the stage, where there is something to decide. */
export function judgeFailure(failure: TaskFailure, handlers: FailureHandlers): Verdict {
  const { cause, stage, at, task, message } = failure;
  if (isGavelError(cause, 'STATE_CORRUPT')) return { kind: 'start over', error: cause };
  if (isGavelError(cause) && cause.retry === 'backoff') return { kind: 'later' };
  const answer =
    at === undefined || stage === 'application' ? 'fail' : handlers[stage]({ ...at, stage, task, error: cause });
  if (answer === 'fail' || at === undefined) {
    const where = at === undefined ? '' : ` at ${at.topic}-${at.partition}@${at.offset}`;
    const error = new GavelError('PROCESSING_FAILED', `task ${task} failed in ${stage}${where}: ${message}`, {
      cause,
      hint: 'mend the processor, or give a handler that answers "dead-letter" or "skip"',
    });
    return { kind: 'fail', error };
  }
  const reason = isGavelError(cause) ? cause.code : 'PROCESSING_FAILED';
  return { kind: 'skip', at, skip: { deadLetter: answer === 'dead-letter', stage, reason, message } };
}
