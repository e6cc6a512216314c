/** `npm run bench -- <engine|state|fraud|all> [--rounds N] [--records N] [--json]`: measures, and prints a table or JSON lines. */

import { parseArgs } from 'node:util';
import { BENCHMARKS } from './benchmarks.ts';
import { runInChild } from './child.ts';
import { markdownOf, reportOf } from './report.ts';
import type { Benchmark, RunResult } from './report.ts';

const ROUNDS = 3;
const USAGE = `Usage: npm run bench -- <${Object.keys(BENCHMARKS).join('|')}|all> [--rounds N] [--records N] [--json]

Example: npm run bench -- engine --rounds 5
  --rounds N    how often each run is repeated, taking turns; default ${ROUNDS}
  --records N   size of every run; each has a default
  --json        one line of JSON per benchmark: {name, hardware, rounds, figures, ratios}`;

const EXIT_USAGE = 2;

async function main(): Promise<void> {
  const { names, rounds, records, json } = settings();
  for (const name of names) {
    const benchmark = (BENCHMARKS[name] as (typeof BENCHMARKS)[string])(records);
    const report = reportOf(benchmark, await measure(benchmark, rounds));
    console.log(json ? JSON.stringify(report) : markdownOf(report, benchmark.goals));
  }
}

/** Round by round, so that what disturbs the machine for a while disturbs all runs. */
async function measure(benchmark: Benchmark, rounds: number): Promise<RunResult[][]> {
  const results: RunResult[][] = [];
  for (let round = 1; round <= rounds; round++) {
    const ofRound: RunResult[] = [];
    for (const { run, options } of benchmark.runs(round)) {
      if (process.stderr.isTTY) process.stderr.write(`${benchmark.name}, round ${round} of ${rounds}: ${run}\n`);
      ofRound.push(await runInChild(run, options));
    }
    results.push(ofRound);
  }
  return results;
}

function settings() {
  try {
    const { values, positionals } = parseArgs({
      allowPositionals: true,
      options: {
        rounds: { type: 'string', default: String(ROUNDS) },
        records: { type: 'string' },
        json: { type: 'boolean', default: false },
        help: { type: 'boolean', default: false },
      },
    });
    if (values.help) usage(0);
    const [name = '', ...rest] = positionals;
    const names = name === 'all' ? Object.keys(BENCHMARKS) : [name];
    if (rest.length > 0 || names.some((one) => !Object.hasOwn(BENCHMARKS, one)))
      usage(EXIT_USAGE, `no benchmark "${positionals.join(' ')}"`);
    const records = values.records === undefined ? undefined : count('records', values.records);
    return { names, rounds: count('rounds', values.rounds), records, json: values.json };
  } catch (error) {
    return usage(EXIT_USAGE, (error as Error).message);
  }
}

function count(option: string, text: string): number {
  const number = Number(text);
  if (Number.isSafeInteger(number) && number > 0) return number;
  throw new RangeError(`--${option} is ${text}, not a whole number above 0`);
}

function usage(code: number, fault?: string): never {
  console.error(fault === undefined ? USAGE : `${fault}\n\n${USAGE}`);
  process.exit(code);
}

await main();
