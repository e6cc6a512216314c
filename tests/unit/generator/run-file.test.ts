import { mkdtemp, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { beginRun } from '../../../generator/run-file.ts';

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'gavel-run-'));
});
afterEach(() => rm(folder, { recursive: true }));

it('counts the runs and remembers when the first began', async () => {
  const path = join(folder, 'market.json');
  expect(await beginRun(path, 1000)).toEqual({ run: 1, since: 1000 });
  expect(await beginRun(path, 2000)).toEqual({ run: 2, since: 1000 });
  expect(await readdir(folder)).toEqual(['market.json']);
});

it.each(['', 'null', '{"run":"1"}', '[]'])('refuses a file with %j in it', async (text) => {
  const path = join(folder, 'market.json');
  await writeFile(path, text);
  await expect(beginRun(path, 1)).rejects.toMatchObject({ code: 'INPUT_INVALID' });
});
