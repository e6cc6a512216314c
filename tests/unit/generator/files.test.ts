import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parse } from 'csv-parse/sync';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { writeMarketFiles, type MarketFilesOptions } from '../../../generator/files.ts';

let out: string;
beforeEach(async () => {
  out = await mkdtemp(join(tmpdir(), 'gavel-files-'));
});
afterEach(() => rm(out, { recursive: true }));

const small = (overrides: Partial<MarketFilesOptions> = {}): MarketFilesOptions => ({
  out,
  seed: '7',
  bids: 2_000,
  users: 100,
  shills: 0.2,
  ...overrides,
});

async function rows(path: string): Promise<readonly Record<string, string>[]> {
  return parse(await readFile(path), { columns: true });
}

describe('writeMarketFiles', () => {
  it('writes what its report says', async () => {
    const report = await writeMarketFiles(small());
    const [users, items, bids, labels] = await Promise.all(Object.values(report.files).map(rows));
    expect(bids).toHaveLength(2_000);
    expect(items).toHaveLength(100);
    expect(users).toHaveLength(100);
    expect(report).toMatchObject({ users: 100, auctions: 100, bids: 2_000 });
    expect(new Set(labels?.map((label) => label['auction_id'])).size).toBe(report.shilledAuctions);
    expect(report.shilledBids).toBeGreaterThan(0);
    expect(report.timing.bids).toBe(2_000);
    expect(items?.[0]).toMatchObject({ channel: 'BATCH', soft_close: 'false' });
    for (const bid of bids ?? []) expect(bid['amount']).toMatch(/^\d+\.\d\d$/);
  });

  it('writes the same bytes for the same seed', async () => {
    const read = async (seed: string): Promise<readonly string[]> => {
      const { files } = await writeMarketFiles(small({ seed }));
      return Promise.all(Object.values(files).map((path) => readFile(path, 'utf8')));
    };
    const first = await read('7');
    expect(await read('7')).toEqual(first);
    expect(await read('8')).not.toEqual(first);
  });

  it('writes JSON Lines with the same fields', async () => {
    const csv = await writeMarketFiles(small());
    const bids = await rows(csv.files.bids);
    const jsonl = await writeMarketFiles(small({ format: 'jsonl' }));
    const lines = (await readFile(jsonl.files.bids, 'utf8')).trimEnd().split('\n');
    const parsed = lines.map((line) => JSON.parse(line) as Record<string, string>);
    expect(parsed.map((row) => ({ currency: '', device: '', ...row }))).toEqual(bids);
  });

  it('spoils as many lines as it is asked to', async () => {
    const { files } = await writeMarketFiles(small({ faults: { malformed: 0.1 }, format: 'jsonl' }));
    const lines = (await readFile(files.bids, 'utf8')).trimEnd().split('\n');
    expect(lines).toHaveLength(2_000);
    const sound = lines.filter((line) => {
      if (!line.endsWith('}')) return false;
      const { amount, bid_type: type, placed_at: at } = JSON.parse(line) as Record<string, string>;
      return /^\d+\.\d\d$/.test(amount ?? '') && type !== 'SHOUTED' && at !== '2026-02-30T25:00:00.000Z';
    });
    expect(sound.length).toBeGreaterThan(1_700);
    expect(sound.length).toBeLessThan(1_900);
  });

  it.each([{ bids: -1 }, { bids: 1.5 }, { auctions: 0 }])('refuses %j', async (overrides) => {
    await expect(writeMarketFiles(small(overrides))).rejects.toMatchObject({ code: 'OPTION_INVALID' });
  });
});
