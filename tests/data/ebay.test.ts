/** The real auctions of ../shared/data/ebay: what the rules make of them, and that it stays so. Fails where they are missing. */

import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

import { beforeAll, expect, test } from 'vitest';

import { gavelJson, runGavel, temporaryFolder } from '../support/run-gavel.ts';

const DATA = fileURLToPath(new URL('../../../shared/data/ebay', import.meta.url));
const INGEST = ['ingest', '--items', join(DATA, 'items.csv'), '--bids', join(DATA, 'bids.csv')];
const EXPECTED = {
  auctions: 426,
  bids: 7140,
  accepted: 7092,
  rejected: 48,
  duplicates: 0,
  reasons: { NOT_HIGHER: 45, TOO_LOW: 3 },
  deadLetters: 0,
};

let folder: Awaited<ReturnType<typeof temporaryFolder>>;
/** What the first load printed. */
let first: readonly unknown[];
let list: string;

const listOf = async (): Promise<string> =>
  (await runGavel(['auctions', 'list', '--json'], { cwd: folder.path })).stdout;

beforeAll(async () => {
  if (!existsSync(DATA)) throw new Error(`the real auctions are missing: ${DATA}`);
  folder = await temporaryFolder();
  first = await gavelJson(INGEST, { cwd: folder.path });
  list = await listOf();
  return () => folder[Symbol.asyncDispose]();
});

test('accepts 7,092 bids and rejects 48, for these reasons', () => {
  expect(first).toEqual([EXPECTED]);
});

test('407 of 426 prices are the real ones', () => {
  const real = new Map(
    readFileSync(join(DATA, 'final-prices.csv'), 'utf8')
      .trim()
      .split('\n')
      .slice(1)
      .map((line) => line.trim().split(',') as [string, string]),
  );
  const rows = list
    .split('\n')
    .filter(Boolean)
    .map((line) => JSON.parse(line) as { auctionId: string; price: number });
  expect(rows).toHaveLength(426);
  expect(rows.filter(({ auctionId, price }) => price === Math.round(Number(real.get(auctionId)) * 100))).toHaveLength(
    407,
  );
});

test('a second run prints the same and changes nothing', async () => {
  expect(await gavelJson(INGEST, { cwd: folder.path })).toEqual([EXPECTED]);
  expect(await listOf()).toBe(list);
});

test('so it does after the simulator ran in that directory', async () => {
  await runGavel(['dev', '--port', '0', '--duration', '30s'], { cwd: folder.path });
  expect(await gavelJson(INGEST, { cwd: folder.path })).toEqual([EXPECTED]);
  const real = new Set(list.split('\n'));
  const now = (await listOf()).split('\n').filter((line) => real.has(line));
  expect(now.join('\n')).toBe(list);
});

test('at most 2 % of the real bids are flagged', async () => {
  const tail = (topic: string) =>
    gavelJson<{ type: string; value: { bidId: string } }>(
      ['topics', 'tail', topic, '--from', 'earliest', '--until-end'],
      { cwd: folder.path },
    );
  const real = new Set(
    readFileSync(join(DATA, 'bids.csv'), 'utf8')
      .split('\n')
      .slice(1)
      .map((line) => line.split(',')[0]),
  );
  const flagged = new Set(
    (await tail('auction.bids.flagged')).map(({ value }) => value.bidId).filter((bidId) => real.has(bidId)),
  );
  expect(flagged.size / real.size).toBeLessThanOrEqual(0.02);
});

test('a replay decides the same', async () => {
  const [counts] = await gavelJson(['replay'], { cwd: folder.path });
  expect(counts).toMatchObject({ missing: 0, extra: 0, differing: 0, unverifiable: 0 });
});
