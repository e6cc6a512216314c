/** Files into the topics, as scripts call it: what it prints, what stays the same, and what a kill changes (nothing). */

import { appendFile, copyFile, mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';

import { beforeAll, expect, test } from 'vitest';

import { ingestArguments, killRun } from '../support/kill-run.ts';
import { gavelJson, runGavel, startGavel, temporaryFolder } from '../support/run-gavel.ts';

const BIDS = 20_000;

interface Result {
  readonly auctions: number;
  readonly bids: number;
  readonly accepted: number;
  readonly rejected: number;
  readonly duplicates: number;
  readonly reasons: Readonly<Record<string, number>>;
  readonly deadLetters: number;
}

let folder: Awaited<ReturnType<typeof temporaryFolder>>;
/** Of an undisturbed load of the market in data directory `calm`. */
let result: string;
let list: string;

beforeAll(async () => {
  folder = await temporaryFolder();
  await gavelJson(['generate', '--seed', '3', '--bids', String(BIDS), '--out', 'market'], { cwd: folder.path });
  result = (await runGavel(ingestArguments({ files: 'market', dataDir: 'calm' }), { cwd: folder.path })).stdout;
  list = await listOf('calm');
  return () => folder[Symbol.asyncDispose]();
});

const listOf = async (dataDir: string): Promise<string> =>
  (await runGavel(['auctions', 'list', '--data-dir', dataDir, '--json'], { cwd: folder.path })).stdout;

test('counts every bid once, and says so again when run again', async () => {
  const counted = JSON.parse(result) as Result;
  expect(counted).toMatchObject({ auctions: BIDS / 20, bids: BIDS, duplicates: 0, deadLetters: 0 });
  expect(counted.accepted + counted.rejected).toBe(BIDS);
  expect(Object.values(counted.reasons).reduce((sum, count) => sum + count, 0)).toBe(counted.rejected);
  const again = await runGavel(ingestArguments({ files: 'market', dataDir: 'calm' }), { cwd: folder.path });
  expect(again.stdout).toBe(result);
  expect(await listOf('calm')).toBe(list);
});

test('the list: one line per auction, sorted by the bytes of its id, closed as the files say', () => {
  const lines = list.split('\n').filter(Boolean);
  expect(lines).toHaveLength(BIDS / 20);
  const ids = lines.map((line) => (JSON.parse(line) as { auctionId: string }).auctionId);
  expect(ids).toEqual([...ids].sort());
  expect(Object.keys(JSON.parse(lines[0] ?? '{}') as object)).toEqual([
    'auctionId',
    'status',
    'price',
    'currency',
    'leader',
    'accepted',
    'rejected',
    'endsAt',
  ]);
  expect(list).not.toContain('"status":"OPEN"');
});

test('kill -9 at random moments loses and doubles nothing', async () => {
  const run = await killRun({ cwd: folder.path, files: 'market', dataDir: 'killed', kills: 4, withinMs: 3_000 });
  expect(run.killed).toBeGreaterThanOrEqual(2);
  expect(run.result).toBe(result);
  expect(await listOf('killed')).toBe(list);
});

test('bad lines become dead letters with file and line, the others go on, exit 1', async () => {
  const files = join(folder.path, 'bad');
  await mkdir(files);
  await copyFile(join(folder.path, 'market', 'items.csv'), join(files, 'items.csv'));
  await copyFile(join(folder.path, 'market', 'bids.csv'), join(files, 'bids.csv'));
  await appendFile(
    join(files, 'bids.csv'),
    'b-1,a3-0000001,u-1,12.345,MANUAL,2026-01-02T00:00:00Z,USD,\nb-2,cut off\n',
  );
  const bad = await runGavel(ingestArguments({ files: 'bad', dataDir: 'bad-data' }), { cwd: folder.path });
  expect(bad.code).toBe(1);
  expect(JSON.parse(bad.stdout)).toMatchObject({ bids: BIDS, deadLetters: 2 });
  const letters = await gavelJson<{ readonly headers: Readonly<Record<string, string>> }>(
    ['topics', 'tail', 'auction.bids.dlq', '--from', 'earliest', '--until-end', '--data-dir', 'bad-data'],
    { cwd: folder.path },
  );
  const places = letters.map(({ headers }) => JSON.stringify(headers));
  expect(places).toHaveLength(2);
  for (const line of [BIDS + 2, BIDS + 3]) expect(places.some((place) => place.includes(String(line)))).toBe(true);
  expect(await listOf('bad-data')).toBe(list);
});

test('goes through gavel dev where that holds the directory', async () => {
  const dev = startGavel(['dev', '--port', '0', '--no-simulator', '--data-dir', 'held'], { cwd: folder.path });
  for await (const line of dev.lines) if (line.includes('gavel judges bids')) break;
  const loaded = await runGavel(ingestArguments({ files: 'market', dataDir: 'held' }), { cwd: folder.path });
  expect(loaded.stdout).toBe(result);
  expect(await listOf('held')).toBe(list);
  dev.child.kill('SIGINT');
  expect(await dev.exited).toBe(0);
  expect(await listOf('held')).toBe(list);
});

test('a missing file is a usage error before anything begins', async () => {
  const missing = await runGavel(['ingest', '--bids', 'nowhere.csv', '--data-dir', 'none'], { cwd: folder.path });
  expect(missing.code).toBe(2);
  expect(missing.stderr).toContain('nowhere.csv cannot be read');
  const nothing = await runGavel(['ingest', '--data-dir', 'none'], { cwd: folder.path });
  expect(nothing.code).toBe(2);
});

test('other weights decide otherwise, the same ones the same', async () => {
  const replay = (...more: readonly string[]) =>
    runGavel(['replay', '--data-dir', 'calm', '--json', ...more], { cwd: folder.path });
  const ends = async () =>
    (await runGavel(['topics', 'list', '--data-dir', 'calm', '--json'], { cwd: folder.path })).stdout;
  const before = await ends();
  const same = await replay();
  expect(same.code).toBe(0);
  expect(JSON.parse(same.stdout)).toMatchObject({
    verdicts: BIDS,
    missing: 0,
    extra: 0,
    differing: 0,
    unverifiable: 0,
  });
  await writeFile(join(folder.path, 'weights.json'), '{"version": 2, "signals": {"snipe": {"weight": 600000}}}');
  const other = await replay('--weights', 'weights.json');
  expect(other.code).toBe(1);
  expect((JSON.parse(other.stdout) as { differing: number }).differing).toBeGreaterThan(0);
  expect(await ends()).toBe(before);
});
