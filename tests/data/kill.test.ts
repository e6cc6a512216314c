/** The long form of the kill test: 300,000 bids, kill -9 at 20 random moments. */

import { expect, test } from 'vitest';

import { ingestArguments, killRun } from '../support/kill-run.ts';
import { gavelJson, runGavel, temporaryFolder } from '../support/run-gavel.ts';

test('an ingest of 300,000 bids that is killed 20 times ends like one that is not', { timeout: 900_000 }, async () => {
  await using folder = await temporaryFolder();
  const cwd = folder.path;
  const listOf = async (dataDir: string) =>
    (await runGavel(['auctions', 'list', '--data-dir', dataDir, '--json'], { cwd })).stdout;
  await gavelJson(['generate', '--seed', '11', '--bids', '300000', '--out', 'market'], { cwd });
  const calm = await runGavel(ingestArguments({ files: 'market', dataDir: 'calm' }), { cwd });
  expect(calm.code).toBe(0);
  const run = await killRun({ cwd, files: 'market', dataDir: 'killed', kills: 20, withinMs: 6_000 });
  expect(run.killed).toBe(20);
  expect(run.killedAtWork).toBeGreaterThanOrEqual(15);
  expect(run.result).toBe(calm.stdout);
  expect(await listOf('killed')).toBe(await listOf('calm'));
});
