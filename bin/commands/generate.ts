/** `gavel generate`: a market as files, seeded, with its shills labelled. */

import { resolve } from 'node:path';

import type { MarketFilesOptions, MarketFilesReport } from '../../generator/files.ts';
import { writeMarketFiles } from '../../generator/files.ts';
import { defineCommand } from '../command.ts';
import { MARKET_OPTIONS, marketOptions } from '../market-options.ts';
import { printJson, printTable } from '../print.ts';
import { parseChoice, parseDuration, parseInteger } from '../values.ts';
import type { World } from '../world.ts';
import { EXIT } from '../world.ts';

export const generate = defineCommand({
  name: 'generate',
  summary: 'Write users, items, bids and labelled shills of a simulated market to files.',
  example: 'gavel generate --seed 7 --bids 100000 --out market --stats',
  settings: [],
  options: {
    out: { flag: '--out <dir>', summary: 'folder of the files', default: 'market' },
    ...MARKET_OPTIONS,
    bids: { flag: '--bids <n>', summary: 'bids in all', default: '100000' },
    auctions: { flag: '--auctions <n>', summary: 'auctions (default one per 20 bids)' },
    users: { flag: '--users <n>', summary: 'users (default one per 5 auctions, at least 1,000)' },
    duration: { flag: '--duration <span>', summary: 'within which the auctions start (default 30d)' },
    format: { flag: '--format <kind>', summary: 'csv or jsonl', default: 'csv' },
    stats: { flag: '--stats', summary: 'tell when in an auction its bids come' },
  },
  async run({ world, options, json }) {
    const given: MarketFilesOptions = {
      out: resolve(world.directory, options.out),
      ...marketOptions(options),
      bids: parseInteger(options.bids, '--bids', { min: 0 }),
      format: parseChoice(options.format, '--format', ['csv', 'jsonl']),
      ...(options.auctions !== undefined && { auctions: parseInteger(options.auctions, '--auctions', { min: 1 }) }),
      ...(options.users !== undefined && { users: parseInteger(options.users, '--users', { min: 2 }) }),
      ...(options.duration !== undefined && { durationMs: parseDuration(options.duration, '--duration') }),
    };
    const { timing, ...counts } = await writeMarketFiles(given);
    if (json) printJson(world, options.stats ? { ...counts, timing } : counts);
    else printReport(world, counts, options.stats ? timing : undefined);
    return EXIT.OK;
  },
});

function printReport(
  world: World,
  { files, ...counts }: Omit<MarketFilesReport, 'timing'>,
  timing: MarketFilesReport['timing'] | undefined,
): void {
  printTable(
    world,
    ['what', 'count'],
    Object.entries(counts).map(([name, count]) => [name, String(count)]),
  );
  if (timing !== undefined) {
    const { bids: _, ...windows } = timing;
    const shares = Object.entries(windows).map(([window, share]) => [window, `${(share * 100).toFixed(1)} %`]);
    world.stdout.write('\n');
    printTable(world, ['bids come', 'share'], shares);
  }
  world.stdout.write(`\n${Object.values(files).join('\n')}\n`);
}
