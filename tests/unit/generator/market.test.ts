import { describe, expect, it } from 'vitest';
import type { BidEvent, ListingEvent, MarketEvent } from '../../../generator/events.ts';
import { NO_FAULTS } from '../../../generator/faults.ts';
import { simulate, type MarketOptions } from '../../../generator/market.ts';
import { MARKET_PROFILES } from '../../../generator/profile.ts';
import { seededRandom } from '../../../generator/random.ts';
import { TimingStats } from '../../../generator/timing.ts';

const OPENS_AT = Date.UTC(2026, 0, 1);
const DAY_MS = 86_400_000;

function options(overrides: Partial<MarketOptions> = {}): MarketOptions {
  return {
    seed: 'test',
    run: 0,
    users: 200,
    profile: MARKET_PROFILES.house,
    supply: { kind: 'fixed', auctions: 100, bids: 2_000, spanMs: 30 * DAY_MS },
    opensAt: OPENS_AT,
    since: OPENS_AT,
    announceMs: 0,
    shills: 0.03,
    faults: NO_FAULTS,
    ...overrides,
  };
}

function events(overrides: Partial<MarketOptions> = {}, seed = 'test'): readonly MarketEvent[] {
  return [...simulate(options({ seed, ...overrides }), seededRandom(seed))];
}

function take(overrides: Partial<MarketOptions>, count: number): readonly MarketEvent[] {
  const taken: MarketEvent[] = [];
  for (const event of simulate(options(overrides), seededRandom('test'))) if (taken.push(event) === count) break;
  return taken;
}

const isBid = (event: MarketEvent): event is BidEvent => event.type === 'bid';
const isListing = (event: MarketEvent): event is ListingEvent => event.type === 'listing';

describe('simulate', () => {
  it('gives the same events for the same seed and others for another', () => {
    expect(JSON.stringify(events())).toBe(JSON.stringify(events()));
    expect(JSON.stringify(events({}, 'a'))).not.toBe(JSON.stringify(events({}, 'b')));
  });

  it('makes exactly the users, auctions and bids it is asked for', () => {
    for (const bids of [0, 1, 7, 1_999, 5_000]) {
      const all = events({ supply: { kind: 'fixed', auctions: 73, bids, spanMs: DAY_MS } });
      expect(all.filter(isBid)).toHaveLength(bids);
      expect(all.filter(isListing)).toHaveLength(73);
      expect(all.filter(({ type }) => type === 'user')).toHaveLength(200);
    }
  });

  it('never goes back in time, and bids only while the auction is open', () => {
    let now = 0;
    const listed = new Set<string>();
    for (const event of events()) {
      expect(event.at).toBeGreaterThanOrEqual(now);
      now = event.at;
      if (event.type === 'listing') listed.add(event.item.auctionId);
      if (event.type !== 'bid') continue;
      expect(listed).toContain(event.bid.auctionId);
      expect(event.bid.placedAt).toBeGreaterThanOrEqual(event.period.startsAt);
      expect(event.bid.placedAt).toBeLessThan(event.period.endsAt);
    }
  });

  it('gives no id twice, and none of another run', () => {
    const first = events();
    const ids = first.filter(isBid).map(({ bid }) => bid.bidId);
    const auctions = first.filter(isListing).map(({ item }) => item.auctionId);
    expect(new Set([...ids, ...auctions]).size).toBe(ids.length + auctions.length);
    const second = events({ run: 1 });
    expect(second.filter(isBid).some(({ bid }) => ids.includes(bid.bidId))).toBe(false);
    expect(second.filter(isListing).some(({ item }) => auctions.includes(item.auctionId))).toBe(false);
  });

  it('keeps its users over runs', () => {
    const users = (run: number): string =>
      JSON.stringify(events({ run }, `run ${run}`.replace(' ', '-')).filter(({ type }) => type === 'user'));
    const of = (run: number): string =>
      JSON.stringify([...simulate(options({ run }), seededRandom(`x${run}`))].filter(({ type }) => type === 'user'));
    expect(of(1)).toBe(of(2));
    expect(users(1)).not.toBe(users(2));
  });

  it('never lets a seller bid on the own item', () => {
    const all = events();
    const sellers = new Map(all.filter(isListing).map(({ item }) => [item.auctionId, item.sellerId]));
    expect(all.filter(isBid).filter(({ bid }) => bid.bidderId === sellers.get(bid.auctionId))).toEqual([]);
  });

  it('uses every category, bid type, kind of shill and currency', () => {
    const all = events({
      users: 1_000,
      supply: { kind: 'fixed', auctions: 1_000, bids: 20_000, spanMs: DAY_MS },
      shills: 0.1,
    });
    const listings = all.filter(isListing);
    expect(new Set(listings.map(({ item }) => item.category)).size).toBe(6);
    expect(new Set(listings.map(({ item }) => item.currency))).toEqual(new Set(['USD', 'EUR', 'GBP']));
    expect(new Set(listings.map(({ shill }) => shill?.kind ?? 'honest')).size).toBe(4);
    expect(new Set(all.filter(isBid).map(({ bid }) => bid.bidType)).size).toBe(3);
    const shilled = listings.filter(({ shill }) => shill !== null).length / listings.length;
    expect(shilled).toBeGreaterThan(0.07);
    expect(shilled).toBeLessThan(0.13);
  });

  it('labels as shills only bids of the accounts that the listing names', () => {
    const labels = new Map<string, readonly string[]>();
    let shilled = 0;
    for (const event of events({ shills: 0.5 })) {
      if (event.type === 'listing' && event.shill !== null) labels.set(event.item.auctionId, event.shill.bidderIds);
      if (event.type !== 'bid' || event.shill === null) continue;
      shilled++;
      expect(labels.get(event.bid.auctionId)).toContain(event.bid.bidderId);
    }
    expect(shilled).toBeGreaterThan(100);
  });

  it('follows the timing table within a point over 100,000 bids', () => {
    const stats = new TimingStats();
    const supply = { kind: 'fixed', auctions: 5_000, bids: 100_000, spanMs: 30 * DAY_MS } as const;
    for (const event of simulate(options({ users: 1_000, supply }), seededRandom('timing'))) {
      if (event.type === 'bid') stats.add(event.period, event.bid.placedAt);
    }
    const { lastMinute, minutes1to5, minutes5to60, earlier, bids } = stats.shares();
    expect(bids).toBe(100_000);
    expect(Math.abs(lastMinute - 0.32)).toBeLessThan(0.01);
    expect(Math.abs(minutes1to5 - 0.17)).toBeLessThan(0.01);
    expect(Math.abs(minutes5to60 - 0.08)).toBeLessThan(0.01);
    expect(Math.abs(earlier - 0.43)).toBeLessThan(0.01);
  });

  it('lets an endless market open in full swing, with a bid at once and a closing soon', () => {
    const overrides = {
      profile: MARKET_PROFILES.live,
      supply: { kind: 'endless', bidsPerSecond: 0.5 },
      announceMs: 500,
    } as const;
    const all = take(overrides, 2_000);
    const firstBid = all.find(isBid) as BidEvent;
    expect(firstBid.at).toBe(OPENS_AT + 500);
    const endings = all.filter(isListing).map(({ item }) => item.endsAt);
    expect(Math.min(...endings)).toBeGreaterThan(OPENS_AT + 500);
    expect(Math.min(...endings)).toBeLessThan(OPENS_AT + 90_000);
    for (const { item } of all.filter(isListing)) {
      expect(item.channel).toBe('LIVE');
      const durationMs = item.endsAt - item.startsAt;
      expect(durationMs).toBeGreaterThanOrEqual(30_000);
      expect(durationMs).toBeLessThanOrEqual(600_000);
    }
  });

  it('lists an auction before it starts', () => {
    const overrides = {
      profile: MARKET_PROFILES.live,
      supply: { kind: 'endless', bidsPerSecond: 20 },
      announceMs: 500,
    } as const;
    const listings = take(overrides, 3_000).filter(isListing);
    expect(listings.length).toBeGreaterThan(100);
    for (const { at, item } of listings) expect(at).toBe(Math.max(OPENS_AT, item.startsAt - 500));
  });

  it('comes close to the rate that is asked for', () => {
    const overrides = {
      profile: MARKET_PROFILES.live,
      supply: { kind: 'endless', bidsPerSecond: 100 },
      announceMs: 500,
    } as const;
    const bids = take(overrides, 60_000).filter(isBid);
    const seconds = ((bids.at(-1) as BidEvent).at - OPENS_AT) / 1000;
    expect(bids.length / seconds).toBeGreaterThan(85);
    expect(bids.length / seconds).toBeLessThan(115);
  });

  it.each([
    ['a seed with a comma', { seed: 'a,b' }],
    ['too few users', { users: 19 }],
    ['a share above 1', { shills: 1.1 }],
    ['a share that is no number', { faults: { ...NO_FAULTS, late: Number.NaN } }],
  ])('refuses %s', (_, overrides) => {
    expect(() => simulate(options(overrides), seededRandom('x'))).toThrow(
      expect.objectContaining({ code: 'OPTION_INVALID' }),
    );
  });

  it('plays with the fewest users, too', () => {
    const all = events({ users: 20, supply: { kind: 'fixed', auctions: 3, bids: 600, spanMs: DAY_MS } });
    expect(all.filter(isBid)).toHaveLength(600);
  });
});

describe('faults', () => {
  const shares = { late: 0.05, outOfOrder: 0.1, duplicate: 0.05, malformed: 0.05 };
  const bids = events({
    faults: shares,
    supply: { kind: 'fixed', auctions: 300, bids: 10_000, spanMs: DAY_MS },
  }).filter(isBid);

  it('come in the shares that are asked for, and keep the number of bids', () => {
    expect(bids).toHaveLength(10_000);
    const share = (fault: string): number => bids.filter((event) => event.fault === fault).length / bids.length;
    expect(Math.abs(share('late') - 0.04)).toBeLessThan(0.015);
    expect(Math.abs(share('out-of-order') - 0.1)).toBeLessThan(0.015);
    expect(Math.abs(share('duplicate') - 0.05)).toBeLessThan(0.015);
    expect(Math.abs(share('malformed') - 0.05)).toBeLessThan(0.015);
  });

  it('are what they are called', () => {
    const late = bids.filter(({ fault }) => fault === 'late');
    expect(late.every(({ bid, period }) => bid.placedAt >= period.endsAt)).toBe(true);

    const ids = new Map<string, number>();
    for (const { bid } of bids) ids.set(bid.bidId, (ids.get(bid.bidId) ?? 0) + 1);
    const copies = [...ids.values()].reduce((sum, count) => sum + count - 1, 0);
    expect(bids.filter(({ fault }) => fault === 'duplicate')).toHaveLength(copies);

    let newest = 0;
    const early = bids.filter(({ at, bid, fault }) => {
      const inOrder = fault === 'out-of-order' && bid.placedAt > newest;
      newest = Math.max(newest, at);
      return inOrder;
    });
    expect(early).toEqual([]);
  });
});
