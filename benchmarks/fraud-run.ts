/** What the fraud score finds, and whom it suspects wrongly: on the simulator's labelled shills, and on real bids. */

import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { parse } from 'csv-parse/sync';
import { memoryBroker, recordProducer } from 'gavel/broker';
import { avroSerdes, memoryRegistry } from 'gavel/schemas';
import type { BidPlaced, Item, User } from 'gavel/schemas';
import { VirtualClock, createTestDriver } from 'gavel/testing';
import { simulate } from '../generator/market.ts';
import { NO_FAULTS } from '../generator/faults.ts';
import type { MarketEvent, ShillLabel } from '../generator/events.ts';
import { MARKET_PROFILES } from '../generator/profile.ts';
import { seededRandom } from '../generator/random.ts';
import { makeBid, makeItem } from '../ingest/record-makers.ts';
import { auctionTopology } from '../topology/index.ts';
import { auctionTopics } from '../topology/topics.ts';
import type { LogRecord } from '../topology/topics.ts';
import type { RunResult } from './report.ts';

export interface MarketOptions {
  readonly seed: string;
  readonly bids: number;
  readonly auctions: number;
  readonly users: number;
}

export interface BidFilesOptions {
  /** With `items.csv` and `bids.csv`; nothing in them is labelled. */
  readonly directory: string;
}

interface Judged {
  /** Ids of the accepted bids. */
  readonly accepted: ReadonlySet<string>;
  /** Ids of those that were flagged, with their verdict or later. */
  readonly flagged: ReadonlySet<string>;
}

/** A record with the time at which it came. */
interface Timed<V> {
  readonly at: number;
  readonly value: V;
}

const SHILLED_SHARE = 0.03;
/** Records before the bidders' flags are awaited: they stand behind these in the log, not weeks later. */
const AT_A_TIME = 500;
const DAY_MS = 24 * 3_600_000;

/** Shills of the simulator. A shilled auction is found if a bid of one of its shills is flagged; honest bids are all others. */
export async function runFraudOfMarket(options: MarketOptions): Promise<RunResult> {
  const { seed, bids, auctions, users } = options;
  const opensAt = Date.UTC(2026, 0, 1);
  const market = {
    seed,
    run: 0,
    users,
    profile: MARKET_PROFILES.house,
    supply: { kind: 'fixed', auctions, bids, spanMs: 30 * DAY_MS },
    opensAt,
    since: opensAt,
    announceMs: 0,
    shills: SHILLED_SHARE,
    faults: NO_FAULTS,
  } as const;
  const events = [...simulate(market, seededRandom(seed))];
  const { accepted, flagged } = await judgeAll(usersOf(events), logOf(events), opensAt);
  const labels = new Map(
    events.flatMap((event) =>
      event.type === 'listing' && event.shill !== null ? [[event.item.auctionId, event.shill] as const] : [],
    ),
  );
  const placed = events.flatMap((event) => (event.type === 'bid' && accepted.has(event.bid.bidId) ? [event.bid] : []));
  const shills = placed.filter((bid) => isShill(bid, labels));
  const honest = placed.filter((bid) => !isShill(bid, labels));
  const found = new Set(shills.filter(({ bidId }) => flagged.has(bidId)).map(({ auctionId }) => auctionId));
  const figures: Record<string, number> = {
    'market.shilledAuctions': labels.size,
    'market.recall': share([...labels.keys()], (auctionId) => found.has(auctionId)),
    'market.honestBidsFlagged': share(honest, ({ bidId }) => flagged.has(bidId)),
    'market.shillBidsFlagged': share(shills, ({ bidId }) => flagged.has(bidId)),
  };
  for (const kind of new Set([...labels.values()].map((label) => label.kind)).values()) {
    const ofKind = [...labels].filter(([, label]) => label.kind === kind);
    figures[`market.recall.${kind}`] = share(ofKind, ([auctionId]) => found.has(auctionId));
  }
  return { figures };
}

/** Real bids, of which none is known to be a shill's. */
export async function runFraudOfBids({ directory }: BidFilesOptions): Promise<RunResult> {
  const items = (await rows(join(directory, 'items.csv'))).map(makeItem);
  const currencies = new Map(items.map(({ auctionId, currency }) => [auctionId, currency]));
  const bids = (await rows(join(directory, 'bids.csv'))).map((cells) =>
    makeBid(cells, (auction) => currencies.get(auction)),
  );
  const log = [
    ...items.map((item) => ({ at: item.startsAt, value: listingOf(item) })),
    ...bids.map((bid) => ({ at: bid.placedAt, value: bid })),
  ].sort((a, b) => a.at - b.at);
  const { accepted, flagged } = await judgeAll([], log, log[0]?.at ?? 0);
  return {
    figures: {
      'realBids.accepted': accepted.size,
      'realBids.flagged': share([...accepted], (bidId) => flagged.has(bidId)),
    },
  };
}

/**
 * The topology as shipped, on the test driver. Every auction is LIVE and record times are those of the events, so that
 * auctions close between the bids of others as they did; one partition keeps all events in their order.
 */
async function judgeAll(
  users: readonly Timed<User>[],
  log: readonly Timed<LogRecord>[],
  startTime: number,
): Promise<Judged> {
  const serdes = avroSerdes(memoryRegistry());
  const topics = auctionTopics(serdes, 1);
  const topology = auctionTopology({ topics, serdes });
  await serdes.prepare();
  const clock = new VirtualClock(startTime);
  const broker = memoryBroker({ clock });
  await broker.createTopics([{ ...topics.bids, config: { ...topics.bids.config, timestampType: 'create' } }]);
  await using driver = await createTestDriver({ topology, broker, clock, options: { onValue: (value) => value } });
  const producer = recordProducer(broker, clock);
  await producer.send(
    topics.users,
    users.map(({ at, value }) => ({ key: value.userId, value, timestamp: at })),
  );
  await driver.settle();
  for (let from = 0; from < log.length; from += AT_A_TIME) {
    const records = log.slice(from, from + AT_A_TIME);
    await producer.send(
      topics.bids,
      records.map(({ at, value }) => ({ key: value.auctionId, value, timestamp: at })),
    );
    await driver.settle();
  }
  await producer.close();
  const validated = idsOf(await driver.read(topics.validated));
  const flagged = idsOf(await driver.read(topics.flagged));
  return { accepted: new Set([...validated, ...flagged]), flagged };
}

function idsOf(records: readonly { readonly value: { readonly bidId: string } | null }[]): Set<string> {
  return new Set(records.flatMap(({ value }) => (value === null ? [] : [value.bidId])));
}

function usersOf(events: readonly MarketEvent[]): Timed<User>[] {
  return events.flatMap((event) => (event.type === 'user' ? [{ at: event.at, value: event.user }] : []));
}

function logOf(events: readonly MarketEvent[]): Timed<LogRecord>[] {
  return events.flatMap((event): Timed<LogRecord>[] => {
    if (event.type === 'listing') return [{ at: event.at, value: listingOf(event.item) }];
    return event.type === 'bid' ? [{ at: event.at, value: event.bid }] : [];
  });
}

function listingOf(item: Item): LogRecord {
  return { ...item, type: 'Listing', channel: 'LIVE' };
}

function isShill({ auctionId, bidderId }: BidPlaced, labels: ReadonlyMap<string, ShillLabel>): boolean {
  return labels.get(auctionId)?.bidderIds.includes(bidderId) ?? false;
}

function share<T>(all: readonly T[], is: (one: T) => boolean): number {
  return all.length === 0 ? 0 : all.filter(is).length / all.length;
}

/** The cells of the lines behind the first; the columns stand in the loader's order. */
async function rows(path: string): Promise<(string | null)[][]> {
  const lines = parse(await readFile(path), { from_line: 2 });
  return lines.map((cells) => cells.map((cell) => (cell === '' ? null : cell)));
}
