/** One run: `node benchmarks/run.ts NAME JSON-OPTIONS` prints its result. For a profile put `--cpu-prof` before the file. */

import { runFraudOfBids, runFraudOfMarket } from './fraud-run.ts';
import { runFull } from './full-run.ts';
import { runLatency } from './latency-run.ts';
import { runLeanEngine, runLeanLoop } from './lean-runs.ts';
import { runClosings, runOpenAuctions } from './open-auctions-run.ts';
import type { RunResult } from './report.ts';
import { runRestore } from './restore-run.ts';

// The options are those that a benchmark wrote down for the run of that name.
const RUNS: Readonly<Record<string, (options: never) => RunResult | Promise<RunResult>>> = {
  'lean-loop': runLeanLoop,
  'lean-engine': runLeanEngine,
  full: runFull,
  latency: runLatency,
  restore: runRestore,
  'open-auctions': runOpenAuctions,
  closings: runClosings,
  'fraud-market': runFraudOfMarket,
  'fraud-bids': runFraudOfBids,
};

const [name = '', options = '{}'] = process.argv.slice(2);
const run = RUNS[name];
if (run === undefined) throw new RangeError(`no run "${name}": there are ${Object.keys(RUNS).join(', ')}`);
console.log(JSON.stringify(await run(JSON.parse(options) as never)));
