import type { BidFlagged, BidVerdict, CurrentPrice } from 'gavel/schemas';
import { beforeEach, expect, test } from 'vitest';

import { MarketView } from '../../../../bin/dev/market-view.ts';

const T0 = 1_700_000_000_000;
let view: MarketView;
beforeEach(() => {
  view = new MarketView();
});

function verdict(bidId: string, given: Partial<BidVerdict> = {}): BidVerdict {
  const base = {
    bidId,
    auctionId: 'a1',
    bidderId: 'u1',
    outcome: 'ACCEPTED',
    reason: null,
    newPrice: 1050,
    currency: 'USD',
  };
  return { ...base, ...given } as BidVerdict;
}

function price(auctionId: string, given: Partial<CurrentPrice> = {}): CurrentPrice {
  const base = { auctionId, price: 100, currency: 'USD', leader: null, bids: 0, endsAt: T0, status: 'OPEN' };
  return { ...base, ...given } as CurrentPrice;
}

test('counts verdicts per second over the whole seconds of the last ten', () => {
  for (let second = 0; second < 20; second++) {
    for (let i = 0; i < (second < 10 ? 100 : 5); i++) view.verdict(verdict('b'), T0 + second * 1000 + i, 1);
  }
  expect(view.bidsPerSecond(T0 + 20_000)).toBe(5);
  expect(view.bidsPerSecond(T0 + 25_000)).toBe(2.5);
  expect(view.bidsPerSecond(T0 + 60_000)).toBe(0);
});

test('a rate needs one whole second', () => {
  view.verdict(verdict('b'), T0, 1);
  expect(view.bidsPerSecond(T0 + 500)).toBe(0);
  expect(view.bidsPerSecond(T0 + 1_000)).toBe(1);
});

test('tells percentiles of the latency', () => {
  expect(view.latency()).toBeUndefined();
  for (let i = 1; i <= 100; i++) view.verdict(verdict('b'), T0, i);
  expect(view.latency()).toEqual({ p50: 50, p95: 95, p99: 99 });
});

test('adds up outcomes and remembers the last ones, newest first', () => {
  view.verdict(verdict('b1'), T0, 1);
  view.verdict(verdict('b2', { outcome: 'REJECTED', reason: 'TOO_LOW' }), T0, 1);
  view.verdict(verdict('b3', { outcome: 'DUPLICATE' }), T0, 1);
  expect(view.totals).toMatchObject({ accepted: 1, rejected: 1, duplicates: 1 });
  expect(view.lastVerdicts.map(({ bidId }) => bidId)).toEqual(['b3', 'b2', 'b1']);
  for (let i = 0; i < 20; i++) view.verdict(verdict(`c${i}`), T0, 1);
  expect(view.lastVerdicts).toHaveLength(8);
  expect(view.lastVerdicts[0]?.bidId).toBe('c19');
});

test('knows the open auctions and which of them end next', () => {
  for (const [auctionId, minutes] of [
    ['a', 5],
    ['b', 1],
    ['c', 3],
    ['d', 2],
  ] as const) {
    view.price(price(auctionId, { endsAt: T0 + minutes * 60_000 }), true);
  }
  expect(view.openAuctions).toBe(4);
  expect(view.closingSoonest(2).map(({ auctionId }) => auctionId)).toEqual(['b', 'd']);
  view.price(price('b', { status: 'SOLD' }), true);
  expect(view.openAuctions).toBe(3);
  expect(view.closingSoonest(9).map(({ auctionId }) => auctionId)).toEqual(['d', 'c', 'a']);
});

test('counts a closing only if it happened while it looked', () => {
  view.price(price('a', { status: 'SOLD' }), false);
  expect(view.totals.closed).toBe(0);
  view.price(price('b', { status: 'NO_BIDS' }), true);
  expect(view.totals.closed).toBe(1);
  expect(view.lastClosings.map(({ auctionId, status }) => [auctionId, status])).toEqual([['b', 'NO_BIDS']]);
});

test('names the signals of a flag', () => {
  const signals = [
    { signal: 'velocity', value: 1 },
    { signal: 'snipe', value: 2 },
  ];
  view.flag({ bidId: 'b', auctionId: 'a', bidderId: 'u', signals } as unknown as BidFlagged);
  expect(view.totals.flagged).toBe(1);
  expect(view.lastFlags[0]?.reason).toBe('velocity, snipe');
});
