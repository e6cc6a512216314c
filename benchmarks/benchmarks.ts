/** The benchmarks: what runs in a round, and the goals of DESIGN.md §6 that need no cluster. */

import { existsSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import type { Benchmark, PlannedRun } from './report.ts';

/** Real bids, where they are there. */
const REAL_BIDS = fileURLToPath(new URL('../../shared/data/ebay/', import.meta.url));

const LATENCY_RATES = [2_000, 5_000] as const;
const LATENCY_SECONDS = 10;
const BIDS_PER_AUCTION = 12;

/** By name. `records` sets the size of every run; each has its default. */
export const BENCHMARKS: Readonly<Record<string, (records: number | undefined) => Benchmark>> = {
  engine: (records) => ({
    name: 'engine',
    runs: () => [...leanRuns(records ?? 1_000_000), ...fullRuns(records ?? 300_000), ...latencyRuns(records)],
    ratios: {
      'lean.process.timeOverLoop': { of: 'lean.process.seconds', over: 'lean.loop.seconds' },
      'lean.power.timeOverLoop': { of: 'lean.power.seconds', over: 'lean.loop.seconds' },
      'lean.process.threadCpuOverLoop': {
        of: 'lean.process.threadCpuSecondsPerMillion',
        over: 'lean.loop.threadCpuSecondsPerMillion',
      },
    },
    goals: {
      'lean.loop.recordsPerSecond': { good: 'above', must: 300_000 },
      'lean.process.timeOverLoop': { good: 'below', must: 2.5, aim: 1.7 },
      'lean.power.timeOverLoop': { good: 'below', must: 2.5, aim: 1.7 },
      'full.process.bidsPerSecond': { good: 'above', must: 50_000, aim: 100_000 },
      'full.power.bidsPerSecond': { good: 'above', must: 50_000, aim: 100_000 },
      'latency.power.5000.p99Ms': { good: 'below', aim: 40 },
      'latency.process.5000.p99Ms': { good: 'below', aim: 40 },
    },
  }),
  state: (records = 1_000_000) => {
    // Twenty seconds of closings, of as many auctions as there are at most.
    const closings = { staggered: Math.min(20_000, Math.ceil(records / 10)), closingsPerSecond: 1_000 };
    return {
      name: 'state',
      runs: () => [
        { run: 'restore', options: { records } },
        { run: 'open-auctions', options: { auctions: records, ...closings } },
      ],
      ratios: {},
      goals: {
        'restore.recordsPerSecond': { good: 'above', must: 300_000, aim: 700_000 },
        'openAuctions.rssMiB': { good: 'below', must: 600, aim: 300 },
        'closing.p99Ms': { good: 'below', must: 250, aim: 100 },
        'drain.closingsPerSecond': { good: 'above', must: 50_000 },
        'drain.heartbeatsKept': { good: 'above', must: 1 },
      },
    };
  },
  fraud: (records = 100_000) => ({
    name: 'fraud',
    runs: (round) => [
      {
        run: 'fraud-market',
        options: { seed: `bench-${round}`, bids: records, auctions: Math.ceil(records / 20), users: 1_000 },
      },
      ...(existsSync(REAL_BIDS) ? [{ run: 'fraud-bids', options: { directory: REAL_BIDS } }] : []),
    ],
    ratios: {},
    goals: {
      'market.recall': { good: 'above', must: 0.7 },
      'market.honestBidsFlagged': { good: 'below', must: 0.02 },
      'realBids.flagged': { good: 'below', must: 0.02 },
    },
  }),
};

function leanRuns(records: number): PlannedRun[] {
  const size = { records, auctions: 50_000 };
  return [
    { run: 'lean-loop', options: size },
    { run: 'lean-engine', options: { ...size, durability: 'process' } },
    { run: 'lean-engine', options: { ...size, durability: 'power' } },
  ];
}

function fullRuns(bids: number): PlannedRun[] {
  const size = { bids, auctions: Math.ceil(bids / BIDS_PER_AUCTION), users: 5_000 };
  return [
    { run: 'full', options: { ...size, durability: 'process' } },
    { run: 'full', options: { ...size, durability: 'power' } },
  ];
}

function latencyRuns(records: number | undefined): PlannedRun[] {
  return LATENCY_RATES.flatMap((bidsPerSecond) =>
    ['process', 'power'].map((durability) => ({
      run: 'latency',
      options: {
        bidsPerSecond,
        seconds: Math.min(LATENCY_SECONDS, (records ?? Infinity) / bidsPerSecond),
        auctions: Math.min(25_000, Math.ceil((records ?? Infinity) / BIDS_PER_AUCTION)),
        users: 5_000,
        durability,
      },
    })),
  );
}
