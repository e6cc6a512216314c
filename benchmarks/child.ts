/** Runs in processes of their own, so that neither heap nor compiled code of another run weigh on them. */

import { spawn } from 'node:child_process';
import { text } from 'node:stream/consumers';
import { fileURLToPath } from 'node:url';
import type { RunResult } from './report.ts';

const RUN = fileURLToPath(new URL('run.ts', import.meta.url));

/** @param run a name in `run.ts`. @throws Error where it fails */
export async function runInChild(run: string, options: object): Promise<RunResult> {
  const child = spawn(process.execPath, [RUN, run, JSON.stringify(options)], { stdio: ['ignore', 'pipe', 'inherit'] });
  const exited = new Promise<number | null>((resolve, reject) => {
    child.once('error', reject);
    child.once('close', resolve);
  });
  const [output, code] = await Promise.all([text(child.stdout), exited]);
  if (code !== 0) throw new Error(`the run ${run} ended with ${code}`);
  return JSON.parse(output) as RunResult;
}
