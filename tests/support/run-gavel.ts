/** Runs the real command in a process of its own. */

import type { ChildProcess } from 'node:child_process';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';

export const GAVEL = fileURLToPath(new URL('../../bin/gavel.js', import.meta.url));

export interface Ran {
  /** Null where a signal ended it. */
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

export interface RunOptions {
  readonly cwd: string;
  readonly env?: Readonly<Record<string, string>>;
  /** Flags of node itself. */
  readonly nodeFlags?: readonly string[];
}

/** Runs it to its end. */
export async function runGavel(argv: readonly string[], options: RunOptions): Promise<Ran> {
  const started = startGavel(argv, options);
  let stdout = '';
  for await (const line of started.lines) stdout += `${line}\n`;
  return { code: await started.exited, stdout, stderr: started.stderr() };
}

/** Runs it, expects exit code 0, and parses each line of stdout. */
export async function gavelJson<T>(argv: readonly string[], options: RunOptions): Promise<readonly T[]> {
  const { code, stdout, stderr } = await runGavel([...argv, '--json'], options);
  if (code !== 0) throw new Error(`gavel ${argv.join(' ')} left with ${code}: ${stderr}`);
  return stdout
    .split('\n')
    .filter(Boolean)
    .map((line) => JSON.parse(line) as T);
}

export interface Started {
  readonly child: ChildProcess;
  /** Lines of stdout. */
  readonly lines: AsyncIterable<string>;
  readonly stderr: () => string;
  /** The exit code; null where a signal ended it. */
  readonly exited: Promise<number | null>;
}

export function startGavel(argv: readonly string[], { cwd, env = {}, nodeFlags = [] }: RunOptions): Started {
  const child = spawn(process.execPath, [...nodeFlags, GAVEL, ...argv], {
    cwd,
    env: { PATH: process.env['PATH'], NO_COLOR: '1', ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let stderr = '';
  child.stderr.setEncoding('utf8').on('data', (text: string) => (stderr += text));
  const exited = once(child, 'close').then(([code]) => code as number | null);
  return { child, lines: createInterface({ input: child.stdout }), stderr: () => stderr, exited };
}

/** The first line of a running command that fits. @throws Error where it ends before */
export async function lineOf({ lines, stderr }: Started, fits: (line: string) => boolean): Promise<string> {
  const iterator = lines[Symbol.asyncIterator]();
  for (;;) {
    const { value, done } = await iterator.next();
    if (done === true) throw new Error(`the command ended before the line came: ${stderr()}`);
    if (fits(value)) return value;
  }
}

/** A folder under the temporary files, gone when disposed. */
export async function temporaryFolder(): Promise<AsyncDisposable & { readonly path: string }> {
  const path = await mkdtemp(join(tmpdir(), 'gavel-e2e-'));
  return { path, [Symbol.asyncDispose]: () => rm(path, { recursive: true, force: true }) };
}
