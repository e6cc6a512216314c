/** Damage on the disk: state is rebuilt from the log; a damaged log stops what needs it, and says what is whole. */

import { open, readdir, stat } from 'node:fs/promises';
import { join } from 'node:path';

import { beforeEach, expect, test } from 'vitest';

import { ingestArguments } from '../support/kill-run.ts';
import { gavelJson, runGavel, temporaryFolder } from '../support/run-gavel.ts';

let folder: Awaited<ReturnType<typeof temporaryFolder>>;

beforeEach(async () => {
  folder = await temporaryFolder();
  await gavelJson(['generate', '--bids', '4000', '--out', 'market'], { cwd: folder.path });
  await runGavel(ingestArguments({ files: 'market', dataDir: 'data' }), { cwd: folder.path });
  return () => folder[Symbol.asyncDispose]();
});

const run = (...argv: readonly string[]) => runGavel([...argv, '--data-dir', 'data'], { cwd: folder.path });

/** Flips bytes in the middle of the largest file of a LevelDB. */
async function damage(database: string): Promise<void> {
  const path = join(folder.path, 'data', database);
  const files = (await readdir(path)).filter((name) => /\.(ldb|log)$/.test(name)).map((name) => join(path, name));
  const sizes = await Promise.all(files.map(async (file) => ({ file, size: (await stat(file)).size })));
  const largest = sizes.reduce((most, next) => (next.size > most.size ? next : most));
  const handle = await open(largest.file, 'r+');
  const at = Math.floor(largest.size / 2);
  const { buffer } = await handle.read(Buffer.alloc(64), 0, 64, at);
  await handle.write(
    buffer.map((byte) => byte ^ 0xff),
    0,
    64,
    at,
  );
  await handle.close();
}

test('damaged state is found, and changes no answer', async () => {
  const list = (await run('auctions', 'list', '--json')).stdout;
  await damage('state/gavel/judge-0');
  expect((await run('doctor')).stdout).toMatch(/^warn state +damaged: judge-0$/m);
  expect((await run('auctions', 'list', '--json')).stdout).toBe(list);
  const again = await runGavel(ingestArguments({ files: 'market', dataDir: 'data' }), { cwd: folder.path });
  expect(again.code).toBe(0);
  expect((await run('auctions', 'list', '--json')).stdout).toBe(list);
});

test('a damaged log is found, and what is whole is named', async () => {
  await damage('log');
  const doctor = await run('doctor');
  expect(doctor.code).toBe(1);
  expect(doctor.stdout).toMatch(/^fail logs +LOG_CORRUPT: the log of \S+ is damaged at the offsets \d+ to \d+/m);
  const replay = await run('replay', '--json');
  expect(replay.code).toBe(1);
  expect(replay.stdout).toBe('');
  expect(replay.stderr).toContain('error LOG_CORRUPT');
});
