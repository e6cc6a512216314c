/** `gavel auctions list`: one line per auction, sorted by the bytes of its id. */

import { defineCommand } from '../command.ts';
import { allAuctions } from '../owner-queries.ts';
import { openPlatform, withQueries } from '../platform.ts';
import { printJson, printTable } from '../print.ts';
import { formatPrice } from '../price.ts';
import { EXIT } from '../world.ts';

export const auctionsList = defineCommand({
  name: 'auctions list',
  summary: 'List all auctions by id.',
  example: 'gavel auctions list --json',
  settings: ['dataDir'],
  options: {},
  async run({ world, settings, json }) {
    await using platform = await openPlatform({ settings, command: 'gavel auctions list' });
    await withQueries(platform, async (queries) => {
      const rows: (readonly string[])[] = [];
      for await (const row of allAuctions(queries)) {
        world.interrupted.throwIfAborted();
        if (json) printJson(world, row);
        else {
          const { auctionId, status, price, currency, leader, accepted, rejected, endsAt } = row;
          rows.push([
            auctionId,
            status,
            formatPrice(price, currency),
            leader ?? '',
            String(accepted),
            String(rejected),
            endsAt,
          ]);
        }
      }
      if (!json) printTable(world, ['auction', 'status', 'price', 'leader', 'accepted', 'rejected', 'ends'], rows);
    });
    return EXIT.OK;
  },
});
