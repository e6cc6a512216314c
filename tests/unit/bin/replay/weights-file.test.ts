import { expect, test } from 'vitest';

import { mergeWeights } from '../../../../bin/replay/weights-file.ts';
import { DEFAULT_WEIGHTS } from '../../../../topology/weights.ts';

test('the whole table, or the part that is other', () => {
  expect(mergeWeights(DEFAULT_WEIGHTS)).toEqual(DEFAULT_WEIGHTS);
  const merged = mergeWeights({ version: 2, signals: { snipe: { weight: 900_000 } } });
  expect(merged.version).toBe(2);
  expect(merged.signals.snipe).toEqual({ ...DEFAULT_WEIGHTS.signals.snipe, weight: 900_000 });
  expect(merged.signals.velocity).toEqual(DEFAULT_WEIGHTS.signals.velocity);
});

test('any category may have a price', () => {
  const { signals } = mergeWeights({ signals: { 'new-account': { priceByCategory: { Boats: 5 } } } });
  expect(signals['new-account'].priceByCategory).toMatchObject({ Boats: 5, Art: 100_000 });
});

test.each([
  [{ signals: { snip: {} } }, 'unknown field signals.snip'],
  [{ version: '2' }, 'version must be a whole number'],
  [{ signals: { snipe: { weight: -1 } } }, 'signals.snipe.weight must be a whole number'],
  [{ signals: 5 }, 'signals must be an object'],
  [[], 'the file must be an object'],
])('refuses %j', (given, message) => {
  expect(() => mergeWeights(given)).toThrowError(
    expect.objectContaining({ code: 'OPTION_INVALID', message: expect.stringContaining(message) }),
  );
});
