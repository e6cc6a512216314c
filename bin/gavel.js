#!/usr/bin/env node
/** Starts the command on a Node that runs it: this one, or the one that came with the package. Plain JavaScript that Node 20 can read. */

import { spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import module, { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const REQUIRED = [24, 12];
const SIGNALS = ['SIGINT', 'SIGTERM', 'SIGHUP'];

const [major = 0, minor = 0] = process.versions.node.split('.').map(Number);
if (major > REQUIRED[0] || (major === REQUIRED[0] && minor >= REQUIRED[1])) {
  // Halves the time of a start; kept among the temporary files.
  module.enableCompileCache?.();
  // In a checkout the sources run as they are; Node refuses them under node_modules, so the package carries dist/.
  const source = new URL('gavel.ts', import.meta.url);
  await import(existsSync(source) ? source.href : new URL('../dist/bin/gavel.js', import.meta.url).href);
} else {
  runWith(bundledNode());
}

/** The path of the Node of this platform that npm installed beside us; explains and exits where there is none. */
function bundledNode() {
  const windows = process.platform === 'win32';
  const name = `node-${windows ? 'win' : process.platform}-${process.arch}`;
  try {
    const folder = dirname(createRequire(import.meta.url).resolve(`${name}/package.json`));
    return join(folder, 'bin', windows ? 'node.exe' : 'node');
  } catch {
    process.stderr.write(
      `gavel needs Node ${REQUIRED.join('.')} or newer; this is ${process.versions.node}, and npm installed no ${name}.\n` +
        'Install Node 24 from https://nodejs.org, or run `npm install` again without --omit=optional.\n',
    );
    return process.exit(3);
  }
}

/** Runs this very command line on another Node, with its signals and its exit code. */
function runWith(node) {
  const entry = fileURLToPath(import.meta.url);
  // The channel carries nothing: its end tells the child that this process is gone, even by kill -9.
  const child = spawn(node, [...process.execArgv, entry, ...process.argv.slice(2)], {
    stdio: ['inherit', 'inherit', 'inherit', 'ipc'],
    env: { ...process.env, GAVEL_PARENT: String(process.pid) },
  });
  for (const signal of SIGNALS) process.on(signal, () => child.kill(signal));
  child.on('error', (error) => {
    process.stderr.write(`gavel cannot start ${node}: ${error.message}\n`);
    process.exit(3);
  });
  child.on('exit', (code, signal) => {
    if (signal === null) process.exit(code ?? 1);
    // Die of the same signal, so that a shell sees what happened.
    for (const name of SIGNALS) process.removeAllListeners(name);
    process.kill(process.pid, signal);
  });
}
