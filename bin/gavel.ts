/** The process around a command: environment, signals, exit. */

import { realpathSync } from 'node:fs';
import { dirname } from 'node:path';
import { createRequire } from 'node:module';

import { main } from './main.ts';

/** npm and a terminal may both pass on one Ctrl-C: a second one counts only after this. */
const SAME_INTERRUPT_MS = 300;

dieWithParent();
stopOnBrokenPipe();
const code = await main(process.argv.slice(2), {
  env: process.env,
  directory: callersDirectory(),
  stdout: process.stdout,
  stderr: process.stderr,
  interrupted: listenForInterrupts(),
});
await new Promise((resolve) => process.stdout.write('', resolve));
process.exit(code);

/** The first signal asks to drain, a later one quits at once. */
function listenForInterrupts(): AbortSignal {
  const controller = new AbortController();
  let first = 0;
  const onSignal = (signal: 'SIGINT' | 'SIGTERM' | 'SIGHUP'): void => {
    const now = performance.now();
    if (!controller.signal.aborted) {
      first = now;
      controller.abort();
    } else if (now - first > SAME_INTERRUPT_MS) process.exit(signal === 'SIGINT' ? 130 : 143);
  };
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, onSignal);
  return controller.signal;
}

/** npm runs its scripts in the package's folder and tells in INIT_CWD where the caller stood. */
function callersDirectory(): string {
  const directory = process.cwd();
  const home = dirname(createRequire(import.meta.url).resolve('gavel/package.json'));
  const invokedFrom = process.env['INIT_CWD'];
  if (invokedFrom === undefined || invokedFrom === '') return directory;
  return realpathSync(directory) === realpathSync(home) ? invokedFrom : directory;
}

/** Started by bin/gavel.js on an older Node: its end, also by kill -9, must be ours, or we would go on holding the data directory. */
function dieWithParent(): void {
  if (process.env['GAVEL_PARENT'] !== String(process.ppid) || process.channel === undefined) return;
  process.on('disconnect', () => process.kill(process.pid, 'SIGKILL'));
  process.channel?.unref();
}

/** A reader such as `head` may leave early. */
function stopOnBrokenPipe(): void {
  process.stdout.on('error', (error: NodeJS.ErrnoException) => {
    if (error.code === 'EPIPE') process.exit(0);
    throw error;
  });
}
