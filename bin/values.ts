/** Reads the values of flags; each refuses with `OPTION_INVALID`, naming the flag. */

import { GavelError } from 'gavel/streams';

import { nearest } from './nearest.ts';

export interface IntegerRange {
  readonly min: number;
  /** Default no bound. */
  readonly max?: number;
}

export function parseInteger(text: string, name: string, { min, max }: IntegerRange): number {
  const value = Number(text);
  if (/^-?\d+$/.test(text) && Number.isSafeInteger(value) && value >= min && (max === undefined || value <= max))
    return value;
  const range = max === undefined ? `of at least ${min}` : `from ${min} to ${max}`;
  throw new GavelError('OPTION_INVALID', `${name} must be a whole number ${range}, not "${text}"`);
}

export function parseNumber(text: string, name: string, range: { readonly above: number }): number {
  const value = Number(text);
  if (text.trim() !== '' && Number.isFinite(value) && value > range.above) return value;
  throw new GavelError('OPTION_INVALID', `${name} must be a number above ${range.above}, not "${text}"`);
}

/** 0 to 1. */
export function parseShare(text: string, name: string): number {
  const value = Number(text);
  if (text.trim() !== '' && value >= 0 && value <= 1) return value;
  throw new GavelError('OPTION_INVALID', `${name} must be a share from 0 to 1, not "${text}"`);
}

export function parseChoice<const C extends string>(text: string, name: string, choices: readonly C[]): C {
  const found = choices.find((choice) => choice === text);
  if (found !== undefined) return found;
  const near = nearest(text, choices);
  throw new GavelError('OPTION_INVALID', `${name} must be one of ${choices.join(', ')}, not "${text}"`, {
    ...(near !== undefined && { hint: `did you mean ${near}?` }),
  });
}

const UNITS = { ms: 1, s: 1_000, m: 60_000, h: 3_600_000, d: 86_400_000 } as const;

/** `500ms`, `30s`, `10m`, `2h` or `30d` in milliseconds. */
export function parseDuration(text: string, name: string): number {
  const [, digits, unit] = /^(\d+(?:\.\d+)?)(ms|s|m|h|d)$/.exec(text) ?? [];
  if (digits !== undefined) return Number(digits) * UNITS[unit as keyof typeof UNITS];
  throw new GavelError('OPTION_INVALID', `${name} must be a span such as 30s, 10m or 2h, not "${text}"`);
}

/** ISO 8601, or whole milliseconds since the epoch. */
export function parseTime(text: string, name: string): number {
  const time = /^\d{12,}$/.test(text) ? Number(text) : /^\d{4}-\d\d-\d\d/.test(text) ? Date.parse(text) : Number.NaN;
  if (Number.isFinite(time)) return time;
  throw new GavelError('OPTION_INVALID', `${name} must be a time such as 2026-01-31T12:00:00Z, not "${text}"`);
}
