import { expect, test } from 'vitest';
import { increment, incrementsOf } from '../../../topology/increments.ts';

test.each([
  [0, 5],
  [99, 5],
  [100, 25],
  [499, 25],
  [500, 50],
  [2_499, 50],
  [2_500, 100],
  [9_999, 100],
  [10_000, 250],
  [24_999, 250],
  [25_000, 500],
  [50_000, 1_000],
  [100_000, 2_500],
  [250_000, 5_000],
  [499_999, 5_000],
  [500_000, 10_000],
  [10_000_000_000_000, 10_000],
])('above %i cents the step is %i', (price, step) => {
  expect(increment(price, incrementsOf('USD'))).toBe(step);
});

test.each([
  ['JPY', 99, 1],
  ['JPY', 100, 3],
  ['JPY', 250, 5],
  ['JPY', 5_000, 100],
  ['KWD', 999, 50],
  ['KWD', 1_000, 250],
  ['KWD', 5_000_000, 100_000],
])('other decimals have a table of their own: %s %i steps by %i', (currency, price, step) => {
  expect(increment(price, incrementsOf(currency))).toBe(step);
});
