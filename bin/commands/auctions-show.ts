/** `gavel auctions show`: one auction with its last bids. */

import type { AuctionDetail } from '../auction-rows.ts';
import { defineCommand } from '../command.ts';
import { openPlatform, withQueries } from '../platform.ts';
import { printJson, printTable } from '../print.ts';
import { formatPrice } from '../price.ts';
import type { World } from '../world.ts';
import { EXIT } from '../world.ts';

export const auctionsShow = defineCommand({
  name: 'auctions show',
  summary: 'Show one auction with its last 50 bids.',
  example: 'gavel auctions show 1638843936',
  argument: { name: '<auctionId>', summary: 'the auction' },
  settings: ['dataDir'],
  options: {},
  async run({ world, settings, json, argument }) {
    await using platform = await openPlatform({ settings, command: 'gavel auctions show' });
    const auction = await withQueries(platform, (queries) => queries.auction(argument));
    if (auction === null) {
      world.stderr.write(`there is no auction ${argument}\n`);
      return EXIT.CHECK_FAILED;
    }
    if (json) printJson(world, auction);
    else printAuction(world, auction);
    return EXIT.OK;
  },
});

function printAuction(world: World, { bids, ...auction }: AuctionDetail): void {
  const { price, startPrice, currency } = auction;
  const shown = {
    ...auction,
    price: formatPrice(price, currency),
    startPrice: startPrice === null ? null : formatPrice(startPrice, currency),
  };
  const facts = Object.entries(shown).filter(([, value]) => value !== null);
  printTable(
    world,
    ['auction', auction.auctionId],
    facts.slice(1).map(([name, value]) => [name, String(value)]),
  );
  world.stdout.write('\n');
  printTable(
    world,
    ['bid', 'bidder', 'type', 'verdict', 'price', 'leads', 'flagged', 'decided'],
    bids.map((bid) => [
      bid.bidId,
      bid.bidderId,
      bid.bidType,
      bid.reason ?? bid.outcome,
      formatPrice(bid.price, currency),
      bid.leads ? 'yes' : '',
      bid.flagged ? 'yes' : '',
      bid.decidedAt,
    ]),
  );
}
