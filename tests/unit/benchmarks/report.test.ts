/** What the benchmarks report: medians, ratios by round, goals, and outputs that must agree. */

import { expect, test } from 'vitest';
import { markdownOf, percentile, reportOf } from '../../../benchmarks/report.ts';
import type { Benchmark, RunResult } from '../../../benchmarks/report.ts';

const benchmark: Benchmark = {
  name: 'engine',
  runs: () => [],
  ratios: { overhead: { of: 'engine.seconds', over: 'loop.seconds' } },
  goals: { overhead: { good: 'below', must: 2.5, aim: 1.7 } },
};

function round(loop: number, engine: number): RunResult[] {
  return [
    { figures: { 'loop.seconds': loop }, hash: 'same' },
    { figures: { 'engine.seconds': engine }, hash: 'same' },
  ];
}

test('figures are medians over the rounds, ratios medians of the ratios of each round', () => {
  const report = reportOf(benchmark, [round(1, 2), round(10, 15), round(4, 12)]);
  expect(report).toMatchObject({
    name: 'engine',
    rounds: 3,
    figures: { 'loop.seconds': 4, 'engine.seconds': 12 },
    ratios: { overhead: 2 },
  });
  expect(Object.keys(report)).toEqual(['name', 'hardware', 'rounds', 'figures', 'ratios']);
});

test('an even number of rounds has its median in the middle', () => {
  expect(reportOf(benchmark, [round(1, 2), round(2, 2)]).figures['loop.seconds']).toBe(1.5);
});

test('runs of one round that put out different records are no measurement', () => {
  const [loop, engine] = round(1, 2) as [RunResult, RunResult];
  expect(() => reportOf(benchmark, [[loop, { ...engine, hash: 'another' }]])).toThrow('different records');
});

test('a ratio of what no run measures is refused', () => {
  expect(() => reportOf(benchmark, [[{ figures: { 'loop.seconds': 1 } }]])).toThrow('engine.seconds');
});

test('the table shows the goals beside the figures', () => {
  const table = markdownOf(reportOf(benchmark, [round(1, 2)]), benchmark.goals);
  expect(table).toContain('| overhead | 2 | ≤ 2.5 | ≤ 1.7 |');
  expect(table).toContain('| loop.seconds | 1 |  |  |');
});

test('a percentile is the least sample that enough samples do not exceed', () => {
  const sorted = Float64Array.from({ length: 100 }, (_, i) => i + 1);
  expect([0.5, 0.99, 1].map((share) => percentile(sorted, share))).toEqual([50, 99, 100]);
});
