/** Weights from a JSON file: the table of topology/weights.ts, or the part of it that is other. */

import { readFileSync } from 'node:fs';

import { GavelError } from 'gavel/streams';

import type { Weights } from '../../topology/weights.ts';
import { DEFAULT_WEIGHTS } from '../../topology/weights.ts';
import { nearest } from '../nearest.ts';

/** @throws GavelError `OPTION_INVALID` naming the field */
export function readWeights(path: string): Weights {
  const text = readText(path);
  try {
    return mergeWeights(JSON.parse(text) as unknown);
  } catch (error) {
    if (error instanceof GavelError) throw error;
    throw new GavelError('OPTION_INVALID', `${path} holds no JSON`, { cause: error, hint: HINT });
  }
}

function readText(path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch (error) {
    throw new GavelError('OPTION_INVALID', `${path} cannot be read`, { cause: error, hint: 'check the path' });
  }
}

/** The default table with the fields that `given` has otherwise. */
export function mergeWeights(given: unknown): Weights {
  return merge(DEFAULT_WEIGHTS, given, '') as Weights;
}

const HINT = 'write a part of the table such as {"version": 2, "signals": {"snipe": {"weight": 400000}}}';

/** Prices by category may name any category. */
const OPEN = 'signals.new-account.priceByCategory';

function merge(known: unknown, given: unknown, path: string): unknown {
  if (typeof known === 'number') {
    if (typeof given === 'number' && Number.isSafeInteger(given) && given >= 0) return given;
    throw new GavelError('OPTION_INVALID', `weights: ${path} must be a whole number of at least 0`, { hint: HINT });
  }
  if (typeof given !== 'object' || given === null || Array.isArray(given)) {
    throw new GavelError('OPTION_INVALID', `weights: ${path === '' ? 'the file' : path} must be an object`, {
      hint: HINT,
    });
  }
  const table = known as Readonly<Record<string, unknown>>;
  const merged: Record<string, unknown> = { ...table };
  for (const [name, value] of Object.entries(given)) {
    const place = path === '' ? name : `${path}.${name}`;
    if (!(name in table) && path !== OPEN) throw unknownField(place, Object.keys(table), name);
    merged[name] = merge(table[name] ?? 0, value, place);
  }
  return merged;
}

function unknownField(place: string, known: readonly string[], name: string): GavelError {
  const near = nearest(name, known);
  const hint = near === undefined ? `known are ${known.join(', ')}` : `did you mean ${near}?`;
  return new GavelError('OPTION_INVALID', `weights: unknown field ${place}`, { hint });
}
