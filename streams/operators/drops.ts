/** Records that an operator drops are counted, each under its reason. */

import type { ProcessorContext, Ports, StoreSpecs } from '../processor.ts';

/** Counter of dropped records; label `reason`. */
export const DROPPED = 'records_dropped_total';

const NULL_KEY = Object.freeze({ reason: 'null_key' });
const NULL_VALUE = Object.freeze({ reason: 'null_value' });
const LATE = Object.freeze({ reason: 'late' });
const EXPIRED = Object.freeze({ reason: 'expired' });

type Counting = Pick<ProcessorContext<Ports, StoreSpecs>, 'count'>;

export function dropNullKey(context: Counting): void {
  context.count(DROPPED, NULL_KEY);
}

export function dropNullValue(context: Counting): void {
  context.count(DROPPED, NULL_VALUE);
}

/** Counted per window that the record came too late for (semantics 6). */
export function dropLate(context: Counting): void {
  context.count(DROPPED, LATE);
}

/** A write into what retention has dropped already (semantics 22). */
export function dropExpired(context: Counting): void {
  context.count(DROPPED, EXPIRED);
}
