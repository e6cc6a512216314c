/** Sums the JSON reports of the test runners to the one line that ends `.ci/run`. */

import { readFileSync, readdirSync } from 'node:fs';

/** Steps of `.ci/run` that went wrong; one without a failed test in a report (types, lint, npm ci) counts as a failure of its own. */
const broken = Number(process.argv[2] ?? 0);

let passed = 0;
let failed = 0;
for (const name of reports()) {
  const report = JSON.parse(readFileSync(`reports/${name}`, 'utf8'));
  passed += report.numPassedTests;
  // A test file that cannot even be loaded has no tests that could fail.
  const unloadable = report.testResults.filter(
    (file) => file.status === 'failed' && file.assertionResults.length === 0,
  );
  failed += report.numFailedTests + unloadable.length;
}
if (failed === 0) failed = broken;
process.stdout.write(`${passed} passed, ${failed} failed\n`);
process.exitCode = failed > 0 || broken > 0 || passed === 0 ? 1 : 0;

function reports() {
  try {
    return readdirSync('reports').filter((name) => name.endsWith('.json'));
  } catch {
    return [];
  }
}
