/** The market as files: users, items, bids, and the labels of what is shilled. */

import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { GavelError } from 'gavel/streams';
import type { Item, User } from 'gavel/schemas';
import { formatMoney } from '../topology/money.ts';
import type { BidEvent, ListingEvent, MarketEvent, ShillLabel } from './events.ts';
import { NO_FAULTS, type FaultShares } from './faults.ts';
import { simulate } from './market.ts';
import { MARKET_PROFILES } from './profile.ts';
import { integerBelow, seededRandom, type Random } from './random.ts';
import { TableFile, type Cell, type TableFormat } from './table-file.ts';
import { TimingStats, type TimingShares } from './timing.ts';

export interface MarketFilesOptions {
  /** Folder of the files; created where it is missing. */
  readonly out: string;
  readonly seed: string;
  /** Lines of bids, faulty ones included. Default 100,000. */
  readonly bids?: number;
  /** Default one per 20 bids. */
  readonly auctions?: number;
  /** Default one per 5 auctions, at least 1,000. */
  readonly users?: number;
  /** Within how many ms the auctions start. Default 30 days. */
  readonly durationMs?: number;
  /** When the first may start, ms since the epoch. Default 2026-01-01. */
  readonly opensAt?: number;
  /** Share of auctions with shills. Default 0.03. */
  readonly shills?: number;
  /** Default none. */
  readonly faults?: Partial<FaultShares>;
  /** Default `csv`. */
  readonly format?: TableFormat;
}

export interface MarketFilesReport {
  readonly users: number;
  readonly auctions: number;
  readonly bids: number;
  readonly shilledAuctions: number;
  readonly shilledBids: number;
  /** Over the bids that can be read and are in time. */
  readonly timing: TimingShares;
  /** Paths of the files by what they hold. */
  readonly files: Readonly<Record<keyof typeof COLUMNS, string>>;
}

const DAY_MS = 86_400_000;
const COLUMNS = {
  users: ['user_id', 'username', 'email', 'rating', 'is_verified', 'location', 'registered_at'],
  items: [
    'auction_id',
    'item_id',
    'seller_id',
    'title',
    'category',
    'currency',
    'start_price',
    'reserve_price',
    'starts_at',
    'ends_at',
    'channel',
    'soft_close',
  ],
  bids: ['bid_id', 'auction_id', 'bidder_id', 'amount', 'bid_type', 'placed_at', 'currency', 'device'],
  labels: ['auction_id', 'bidder_id', 'kind'],
} as const;

/**
 * Writes `users`, `items`, `bids` and `labels` as `.csv` or `.jsonl`; the same options give the same bytes. A line of the labels
 * names one shill account of one auction: auctions and bidders that stand in none are honest.
 * @throws GavelError `OPTION_INVALID`
 */
export async function writeMarketFiles(options: MarketFilesOptions): Promise<MarketFilesReport> {
  const { out, seed, format = 'csv', bids = 100_000, opensAt = Date.UTC(2026, 0, 1) } = options;
  const auctions = options.auctions ?? Math.ceil(bids / MARKET_PROFILES.house.bidsPerAuction);
  checkCounts(auctions, bids);
  const spanMs = options.durationMs ?? 30 * DAY_MS;
  const market = {
    seed,
    run: 0,
    users: options.users ?? Math.max(1000, Math.round(auctions / 5)),
    profile: MARKET_PROFILES.house,
    supply: { kind: 'fixed', auctions, bids, spanMs },
    opensAt,
    since: opensAt,
    announceMs: 0,
    shills: options.shills ?? 0.03,
    faults: { ...NO_FAULTS, ...options.faults },
  } as const;
  const events = simulate(market, seededRandom(seed));
  await mkdir(out, { recursive: true });
  const path = (name: string): string => join(out, `${name}.${format}`);
  const files = { users: path('users'), items: path('items'), bids: path('bids'), labels: path('labels') };
  await using users = await TableFile.create(files.users, COLUMNS.users, format);
  await using items = await TableFile.create(files.items, COLUMNS.items, format);
  await using bidLines = await TableFile.create(files.bids, COLUMNS.bids, format);
  await using labels = await TableFile.create(files.labels, COLUMNS.labels, format);
  const tables = { users, items, bids: bidLines, labels };
  return { ...(await writeEvents(events, tables, seededRandom(`${seed}/malformed`))), files };
}

function checkCounts(auctions: number, bids: number): void {
  if (Number.isInteger(auctions) && auctions >= 1 && Number.isInteger(bids) && bids >= 0) return;
  throw new GavelError('OPTION_INVALID', `${auctions} auctions with ${bids} bids cannot be made`, {
    hint: 'take whole numbers, at least one auction',
  });
}

type Tables = Readonly<Record<keyof typeof COLUMNS, TableFile>>;

async function writeEvents(
  events: Iterable<MarketEvent>,
  tables: Tables,
  random: Random,
): Promise<Omit<MarketFilesReport, 'files'>> {
  const timing = new TimingStats();
  const counts = { users: 0, auctions: 0, bids: 0, shilledAuctions: 0, shilledBids: 0 };
  for (const event of events) {
    switch (event.type) {
      case 'user':
        counts.users++;
        if (tables.users.add(tables.users.line(userCells(event.user)))) await tables.users.flush();
        break;
      case 'listing':
        counts.auctions++;
        if (event.shill !== null) counts.shilledAuctions++;
        if (addListing(tables, event)) await Promise.all([tables.items.flush(), tables.labels.flush()]);
        break;
      case 'bid':
        counts.bids++;
        if (event.shill !== null) counts.shilledBids++;
        if (event.fault !== 'malformed') timing.add(event.period, event.bid.placedAt);
        if (tables.bids.add(bidLine(tables.bids, event, random))) await tables.bids.flush();
    }
  }
  return { ...counts, timing: timing.shares() };
}

function addListing({ items, labels }: Tables, { item, shill }: ListingEvent): boolean {
  for (const cells of labelCells(item.auctionId, shill)) labels.add(labels.line(cells));
  return items.add(items.line(itemCells(item)));
}

function userCells(user: User): readonly Cell[] {
  const { userId, username, email, rating, isVerified, location, registeredAt } = user;
  return [userId, username, email, rating, isVerified, location, isoTime(registeredAt)];
}

function itemCells(item: Item): readonly Cell[] {
  const { currency, reservePrice } = item;
  return [
    item.auctionId,
    item.itemId,
    item.sellerId,
    item.title,
    item.category,
    currency,
    formatMoney(item.startPrice, currency),
    reservePrice === null ? null : formatMoney(reservePrice, currency),
    isoTime(item.startsAt),
    isoTime(item.endsAt),
    item.channel,
    item.softClose,
  ];
}

function labelCells(auctionId: string, shill: ShillLabel | null): readonly (readonly Cell[])[] {
  return shill === null ? [] : shill.bidderIds.map((bidderId) => [auctionId, bidderId, shill.kind]);
}

function bidLine(table: TableFile, { bid, currency, fault }: BidEvent, random: Random): string {
  const { bidId, auctionId, bidderId, amount, bidType, placedAt, device } = bid;
  const cells = [
    bidId,
    auctionId,
    bidderId,
    formatMoney(amount, currency),
    bidType,
    isoTime(placedAt),
    bid.currency,
    device,
  ];
  return fault === 'malformed' ? malformed(table, cells, random) : table.line(cells);
}

/** Cuts the line off, or spoils the amount, the type or the time. */
function malformed(table: TableFile, cells: readonly Cell[], random: Random): string {
  const spoilt = [...cells];
  const AMOUNT = 3;
  switch (integerBelow(random, 6)) {
    case 0:
      return table.line(cells).slice(0, 20);
    case 1:
      spoilt[AMOUNT] = 'a lot';
      break;
    case 2:
      spoilt[AMOUNT] = `${cells[AMOUNT]}5`;
      break;
    case 3:
      spoilt[AMOUNT] = null;
      break;
    case 4:
      spoilt[AMOUNT + 1] = 'SHOUTED';
      break;
    default:
      spoilt[AMOUNT + 2] = '2026-02-30T25:00:00.000Z';
  }
  return table.line(spoilt);
}

function isoTime(ms: number): string {
  return new Date(ms).toISOString();
}
