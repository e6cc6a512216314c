import { mkdtemp, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { journalFile } from '../../../ingest/journal-file.ts';

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'gavel-journal-'));
});
afterEach(() => rm(folder, { recursive: true }));

it('is null before the first save and what was saved last after it', async () => {
  const path = join(folder, 'ingest.json');
  const journal = journalFile(path);
  expect(await journal.load()).toBeNull();
  await journal.save({ a: { 'auction.bids': { from: [1, 2, 3], to: null } } });
  const entries = { a: { 'auction.bids': { from: [1, 2, 3], to: [4, 5, 6] } } };
  await journal.save(entries);
  expect(await journalFile(path).load()).toEqual(entries);
  expect(await readdir(folder)).toEqual(['ingest.json']);
});

it.each(['', '{', '[]', '{"version":2,"files":{}}', 'null'])('refuses a file with %j in it', async (text) => {
  const path = join(folder, 'ingest.json');
  await writeFile(path, text);
  await expect(journalFile(path).load()).rejects.toMatchObject({ code: 'INPUT_INVALID' });
});
