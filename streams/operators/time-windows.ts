/** Windows of a fixed size, aligned to the epoch (semantics 6). */

import { GavelError } from '../errors.ts';

export interface TimeWindowsOptions {
  readonly sizeMs: number;
  /** From one start to the next. Default `sizeMs`: tumbling windows; less makes hopping ones, which overlap. */
  readonly advanceMs?: number;
  /** How long after its end a window still takes records, in record time. */
  readonly graceMs: number;
  /** How long after its start a window can be read. Default, and at least, `sizeMs + graceMs`. */
  readonly retentionMs?: number;
  /** What becomes of a record that came too late for one of its windows, beyond being counted. Default `drop`. */
  readonly onLate?: 'drop' | 'dead-letter';
}

export type TimeWindows = Required<TimeWindowsOptions>;

/**
 * Fills in the defaults.
 *
 * @throws GavelError `OPTION_INVALID` for lengths that make no windows
 */
export function timeWindows(options: TimeWindowsOptions): TimeWindows {
  const { sizeMs, graceMs, advanceMs = sizeMs, retentionMs = sizeMs + graceMs, onLate = 'drop' } = options;
  check('sizeMs', sizeMs, 1, Number.MAX_SAFE_INTEGER);
  check('advanceMs', advanceMs, 1, sizeMs);
  check('graceMs', graceMs, 0, Number.MAX_SAFE_INTEGER - sizeMs);
  check('retentionMs', retentionMs, sizeMs + graceMs, Number.MAX_SAFE_INTEGER);
  return Object.freeze({ sizeMs, advanceMs, graceMs, retentionMs, onLate });
}

/** Start of the first window that holds `time`; the others follow at `advanceMs` up to `time`. */
export function firstWindowStart(time: number, windows: TimeWindows): number {
  const { sizeMs, advanceMs } = windows;
  return Math.floor(Math.max(0, time - sizeMs + advanceMs) / advanceMs) * advanceMs;
}

/** True once a window takes no more records. */
export function isLate(start: number, observedTime: number, windows: TimeWindows): boolean {
  return start + windows.sizeMs + windows.graceMs <= observedTime;
}

function check(name: string, value: number, least: number, most: number): void {
  if (Number.isSafeInteger(value) && value >= least && value <= most) return;
  throw new GavelError(
    'OPTION_INVALID',
    `${name} of a window must be a whole number from ${least} to ${most}, not ${value}`,
  );
}
