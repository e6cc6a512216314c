/** The least step between a price and the next bid: one table per number of decimals. */

import { exponentOf } from './money.ts';

/** Below `bounds[i]` the step is `steps[i]`; `steps` has one more for the rest. Minor units. */
export interface Increments {
  readonly bounds: readonly number[];
  readonly steps: readonly number[];
}

const TWO_DECIMALS: Increments = {
  bounds: [100, 500, 2_500, 10_000, 25_000, 50_000, 100_000, 250_000, 500_000],
  steps: [5, 25, 50, 100, 250, 500, 1_000, 2_500, 5_000, 10_000],
};

/** By exponent. A step is a whole minor unit at least, so with few decimals the low steps grow. */
const TABLES: readonly Increments[] = [0, 1, 2, 3, 4].map((exponent) => {
  const scale = 10 ** exponent / 100;
  return Object.freeze({
    bounds: Object.freeze(TWO_DECIMALS.bounds.map((bound) => Math.round(bound * scale))),
    steps: Object.freeze(TWO_DECIMALS.steps.map((step) => Math.max(1, Math.round(step * scale)))),
  });
});

/** The table of a currency; a currency that is unknown has two decimals. */
export function incrementsOf(currency: string): Increments {
  return TABLES[exponentOf(currency) ?? 2] as Increments;
}

/** The step above a price, in minor units. */
export function increment(price: number, { bounds, steps }: Increments): number {
  let i = 0;
  while (i < bounds.length && price >= (bounds[i] as number)) i++;
  return steps[i] as number;
}
