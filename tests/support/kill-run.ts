/** Loads files with kill -9 at random moments, again and again, until a run comes to its end. */

import { once } from 'node:events';
import { setTimeout as delay } from 'node:timers/promises';

import { seededRandom } from '../../generator/random.ts';
import { runGavel, startGavel } from './run-gavel.ts';

export interface KillRunOptions {
  readonly cwd: string;
  /** Folder of `generate`, from `cwd`. */
  readonly files: string;
  readonly dataDir: string;
  readonly kills: number;
  /** Longest time from the start of a run to its kill. */
  readonly withinMs: number;
}

export interface KillRun {
  /** What the run printed that came to its end. */
  readonly result: string;
  readonly killed: number;
  /** Kills after which the judge had committed something, but not everything. */
  readonly killedAtWork: number;
}

interface Status {
  readonly judge: readonly { readonly committed: number }[];
}

export async function killRun(options: KillRunOptions): Promise<KillRun> {
  const { cwd, dataDir, kills, withinMs } = options;
  const random = seededRandom('kills');
  let killed = 0;
  const committed: number[] = [];
  while (killed < kills) {
    const ingest = startGavel(ingestArguments(options), { cwd });
    await Promise.race([ingest.exited, delay(random() * withinMs)]);
    if (!ingest.child.kill('SIGKILL')) break; // it was done already
    await once(ingest.child, 'close');
    killed += 1;
    committed.push(await committedOf(cwd, dataDir));
  }
  const { code, stdout, stderr } = await runGavel(ingestArguments(options), { cwd });
  if (code !== 0) throw new Error(`the last run left with ${code}: ${stderr}`);
  const all = await committedOf(cwd, dataDir);
  return { result: stdout, killed, killedAtWork: committed.filter((offset) => offset > 0 && offset < all).length };
}

export function ingestArguments({ files, dataDir }: Pick<KillRunOptions, 'files' | 'dataDir'>): readonly string[] {
  return ['ingest', '--data-dir', dataDir, '--items', `${files}/items.csv`, '--bids', `${files}/bids.csv`, '--json'];
}

/** Records of the deciding log that are judged; 0 where nothing has begun. */
async function committedOf(cwd: string, dataDir: string): Promise<number> {
  const { code, stdout } = await runGavel(['status', '--data-dir', dataDir, '--json'], { cwd });
  if (code === 2) return 0;
  const status = JSON.parse(stdout) as Status;
  return status.judge.reduce((sum, { committed }) => sum + committed, 0);
}
