/** Every benchmark runs, at a tiny size, and prints what scripts rely on. Nothing here is timed. */

import { execFile } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { expect, test } from 'vitest';

const INDEX = fileURLToPath(new URL('../../../benchmarks/index.ts', import.meta.url));

interface Report {
  readonly name: string;
  readonly hardware: object;
  readonly rounds: number;
  readonly figures: Readonly<Record<string, number>>;
  readonly ratios: Readonly<Record<string, number>>;
}

async function bench(...args: readonly string[]): Promise<Report> {
  const { stdout } = await promisify(execFile)(process.execPath, [INDEX, ...args, '--rounds', '1', '--json']);
  return JSON.parse(stdout) as Report;
}

test('engine: loop and engine put out the same records; the whole topology and its latency are measured', async () => {
  const { name, rounds, figures, ratios } = await bench('engine', '--records', '2000');
  expect({ name, rounds }).toEqual({ name: 'engine', rounds: 1 });
  expect(Object.keys(ratios)).toContain('lean.power.timeOverLoop');
  for (const figure of ['lean.loop.recordsPerSecond', 'full.power.bidsPerSecond', 'latency.power.2000.p99Ms']) {
    expect(figures[figure], figure).toBeGreaterThan(0);
  }
  const {
    accepted = 0,
    rejected = 0,
    flagged = 0,
  } = Object.fromEntries(
    Object.entries(figures).map(([key, value]) => [key.replace('full.process.writtenPerBid.', ''), value]),
  );
  expect(accepted + rejected + flagged).toBeCloseTo(1);
});

test('state: a task is restored, auctions close one by one and together', async () => {
  const { figures } = await bench('state', '--records', '3000');
  expect(figures['drain.heartbeatsKept']).toBe(1);
  for (const figure of ['restore.recordsPerSecond', 'drain.closingsPerSecond', 'closing.p99Ms']) {
    expect(figures[figure], figure).toBeGreaterThan(0);
  }
});

test('fraud: a small market has shills that are found, and few honest bids that are flagged', async () => {
  const { figures } = await bench('fraud', '--records', '20000');
  expect(figures['market.shilledAuctions']).toBeGreaterThan(0);
  expect(figures['market.recall']).toBeGreaterThan(0.5);
  expect(figures['market.honestBidsFlagged']).toBeLessThan(0.02);
});

test('an unknown benchmark is a usage error', async () => {
  await expect(bench('speed')).rejects.toMatchObject({ code: 2 });
});
