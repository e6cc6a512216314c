/** What the benchmarks share: figures of a run, medians over the rounds, and how they are printed. */

import { cpus, release, totalmem, type } from 'node:os';

/** Figures by name; the unit ends the name. */
export type Figures = Readonly<Record<string, number>>;

export interface RunResult {
  readonly figures: Figures;
  /** Of the output, where runs of one round must have the same. */
  readonly hash?: string;
}

/** What a figure should be, and which side of it is good. */
export interface Goal {
  readonly good: 'above' | 'below';
  readonly must?: number;
  readonly aim?: number;
}

/** One figure over another of the same round. */
export interface Ratio {
  readonly of: string;
  readonly over: string;
}

export interface PlannedRun {
  /** A name in `run.ts`. */
  readonly run: string;
  readonly options: object;
}

export interface Benchmark {
  readonly name: string;
  /** What runs in a round, in this order. Rounds count from 1. */
  readonly runs: (round: number) => readonly PlannedRun[];
  readonly ratios: Readonly<Record<string, Ratio>>;
  /** By the name of a figure or a ratio. */
  readonly goals: Readonly<Record<string, Goal>>;
}

export interface Hardware {
  readonly cpu: string;
  readonly cores: number;
  readonly memoryGiB: number;
  readonly node: string;
  readonly os: string;
}

/** The stable form of a benchmark's outcome; each number is the median of its rounds. */
export interface Report {
  readonly name: string;
  readonly hardware: Hardware;
  readonly rounds: number;
  readonly figures: Figures;
  readonly ratios: Figures;
}

/** Begins to measure; what it answers ends it. CPU time is that of all threads, of the main one besides. */
export function stopwatch(): () => {
  readonly seconds: number;
  readonly cpuSeconds: number;
  readonly threadCpuSeconds: number;
} {
  const cpu = process.cpuUsage();
  const thread = process.threadCpuUsage();
  const begin = performance.now();
  return () => ({
    seconds: (performance.now() - begin) / 1_000,
    cpuSeconds: secondsOf(process.cpuUsage(cpu)),
    threadCpuSeconds: secondsOf(process.threadCpuUsage(thread)),
  });
}

/** Medians over the rounds; a ratio is taken in each round before. @throws Error where outputs of a round differ */
export function reportOf(benchmark: Benchmark, rounds: readonly (readonly RunResult[])[]): Report {
  const figures = rounds.map((results) => figuresOf(benchmark.name, results));
  const ratios = figures.map((round) =>
    Object.fromEntries(
      Object.entries(benchmark.ratios).map(([name, { of, over }]) => [name, figure(round, of) / figure(round, over)]),
    ),
  );
  return {
    name: benchmark.name,
    hardware: hardware(),
    rounds: rounds.length,
    figures: medians(figures),
    ratios: medians(ratios),
  };
}

/** A table with the goals beside what was measured. */
export function markdownOf(report: Report, goals: Benchmark['goals']): string {
  const { cpu, cores, memoryGiB, node, os } = report.hardware;
  const rows = [...Object.entries(report.figures), ...Object.entries(report.ratios)].map(([name, value]) => {
    const { good, must, aim } = goals[name] ?? { good: 'above' };
    const sign = good === 'above' ? '≥' : '≤';
    const goal = (bound: number | undefined): string => (bound === undefined ? '' : `${sign} ${numberText(bound)}`);
    return `| ${name} | ${numberText(value)} | ${goal(must)} | ${goal(aim)} |`;
  });
  return [
    `## ${report.name}`,
    '',
    `${cpu}, ${cores} cores, ${memoryGiB} GiB, Node ${node}, ${os}; medians of ${report.rounds} rounds`,
    '',
    '| figure | median | must | aim |',
    '|---|---:|---:|---:|',
    ...rows,
    '',
  ].join('\n');
}

/** The value that `share` of the sorted samples do not exceed. */
export function percentile(sorted: Float64Array, share: number): number {
  return sorted[Math.max(0, Math.ceil(sorted.length * share) - 1)] ?? 0;
}

function figuresOf(name: string, results: readonly RunResult[]): Figures {
  const hashes = new Set(results.flatMap(({ hash }) => hash ?? []));
  if (hashes.size > 1) throw new Error(`${name}: runs of the same input put out different records`);
  return Object.assign({}, ...results.map(({ figures }) => figures)) as Figures;
}

function figure(figures: Figures, name: string): number {
  const value = figures[name];
  if (value === undefined) throw new RangeError(`no run measures ${name}`);
  return value;
}

function medians(rounds: readonly Figures[]): Figures {
  const names = Object.keys(rounds[0] ?? {});
  return Object.fromEntries(names.map((name) => [name, rounded(median(rounds.map((round) => figure(round, name))))]));
}

function median(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b);
  const middle = sorted.length >> 1;
  const upper = sorted[middle] as number;
  return sorted.length % 2 === 1 ? upper : (upper + (sorted[middle - 1] as number)) / 2;
}

/** Four significant digits: no measurement has more. */
function rounded(value: number): number {
  return Math.abs(value) >= 1_000 ? Math.round(value) : Number(value.toPrecision(4));
}

function numberText(value: number): string {
  return value.toLocaleString('en-US', { maximumFractionDigits: 4 });
}

function hardware(): Hardware {
  return {
    cpu: cpus()[0]?.model ?? 'unknown CPU',
    cores: cpus().length,
    memoryGiB: Math.round(totalmem() / 2 ** 30),
    node: process.versions.node,
    os: `${type()} ${release()} ${process.arch}`,
  };
}

function secondsOf({ user, system }: { readonly user: number; readonly system: number }): number {
  return (user + system) / 1e6;
}
