/** Runs npm scripts one after the other, the next one also where one fails, and says at the end how each went. */

import { spawnSync } from 'node:child_process';

const results = process.argv.slice(2).map((name) => {
  console.log(`\n── npm run ${name}`);
  const begun = performance.now();
  const { status } = spawnSync('npm', ['run', '--silent', name], {
    stdio: 'inherit',
    shell: process.platform === 'win32',
  });
  return { name, ok: status === 0, seconds: (performance.now() - begun) / 1000 };
});

console.log();
for (const { name, ok, seconds } of results) {
  console.log(`${ok ? 'ok    ' : 'FAILED'} ${name.padEnd(14)} ${seconds.toFixed(1).padStart(6)} s`);
}
process.exitCode = results.every(({ ok }) => ok) ? 0 : 1;
