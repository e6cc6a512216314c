import { describe, expect, test } from 'vitest';
import type { BidderBid, BidderClosing, BidderSeller, BidderState } from 'gavel/schemas';
import { allSignals, isHeavy } from '../../../topology/fraud-bidder.ts';
import { millionths, scoreOf } from '../../../topology/fraud-local.ts';
import { DEFAULT_WEIGHTS } from '../../../topology/weights.ts';
import { HOUR, Saleroom } from './saleroom.ts';

const DAY = 24 * HOUR;

/** A room where ann leads by proxy at the start price, so that the next bid is the second one. */
function openedRoom(): Saleroom {
  const room = new Saleroom();
  room.bid('ann', 'PROXY', 1_000, { time: 0 });
  return room;
}

describe('the examples of the score', () => {
  test('a rise of 300 % in the last 5 s', () => {
    const verdict = openedRoom().bid('bob', 'MANUAL', 4_000, { time: HOUR - 5_000 });
    expect(verdict.signals).toEqual([
      { signal: 'increment', value: 1_000_000 },
      { signal: 'snipe', value: 1_000_000 },
    ]);
    expect(verdict).toMatchObject({ score: 700_000, weightsVersion: 1 });
  });

  test('a snipe alone', () => {
    expect(openedRoom().bid('bob', 'PROXY', 4_000, { time: HOUR - 5_000 }).score).toBe(250_000);
  });

  test('the third self-raise', () => {
    const room = openedRoom();
    const scores = [2_000, 3_000, 4_000, 5_000].map(
      (amount, i) => room.bid('ann', 'PROXY', amount, { time: (i + 1) * 20_000 }).score,
    );
    expect(scores).toEqual([0, 275_000, 550_000, 550_000]);
  });

  test('6 bids in 10 s with a second self-raise', () => {
    const room = openedRoom();
    room.bid('bob', 'PROXY', 9_000, { time: 20_000 });
    // Three bids below bob's maximum, one that takes the lead, two that raise it.
    const bids = [1_500, 2_500, 3_500, 9_500, 9_600].map((amount, i) =>
      room.bid('ann', 'PROXY', amount, { time: 31_000 + i * 2_000 }),
    );
    expect(bids.every(({ outcome }) => outcome === 'ACCEPTED')).toBe(true);
    const verdict = room.bid('ann', 'PROXY', 9_700, { time: 41_000 });
    expect(verdict.signals).toEqual([
      { signal: 'velocity', value: 1_000_000 },
      { signal: 'self-raise', value: 500_000 },
    ]);
    expect(verdict.score).toBe(637_500);
  });
});

describe('local signals', () => {
  test.each([
    [1_500, 0],
    [1_501, 666],
    [2_250, 500_000],
    [3_000, 1_000_000],
    [9_000, 1_000_000],
  ])('increment: an open bid of %i on 1000 has f %i', (amount, value) => {
    const { signals } = openedRoom().bid('bob', 'MANUAL', amount);
    expect(signals).toEqual(value === 0 ? [] : [{ signal: 'increment', value }]);
  });

  test('increment: neither the first bid nor a proxy nor one on no price at all', () => {
    expect(new Saleroom().bid('bob', 'MANUAL', 9_000).signals).toEqual([]);
    expect(openedRoom().bid('bob', 'PROXY', 9_000).signals).toEqual([]);
    const free = new Saleroom({ startPrice: 0 });
    free.bid('ann', 'PROXY', 100);
    expect(free.bid('bob', 'MANUAL', 9_000).signals).toEqual([]);
  });

  test.each([
    [60_000, 0],
    [59_999, 20],
    [35_000, 500_000],
    [10_000, 1_000_000],
    [1, 1_000_000],
  ])('snipe: %i ms before the end has f %i', (left, value) => {
    const { signals } = openedRoom().bid('bob', 'PROXY', 2_000, { time: HOUR - left });
    expect(signals).toEqual(value === 0 ? [] : [{ signal: 'snipe', value }]);
  });

  test('velocity: counts accepted bids of the last 10 s, this one included', () => {
    const room = openedRoom();
    room.bid('zed', 'PROXY', 90_000, { time: 0 });
    const values = [20_000, 21_000, 22_000, 23_000, 24_000, 25_000, 26_000, 33_000, 60_000].map((time, i) => {
      const { signals, outcome } = room.bid('bob', 'PROXY', 3_000 + 1_000 * i, { time });
      expect(outcome).toBe('ACCEPTED');
      return signals.find(({ signal }) => signal === 'velocity')?.value ?? 0;
    });
    expect(values).toEqual([0, 0, 250_000, 500_000, 750_000, 1_000_000, 1_000_000, 750_000, 0]);
  });

  test('velocity: refused bids do not count', () => {
    const room = openedRoom();
    for (let i = 0; i < 6; i++) room.bid('bob', 'PROXY', 1_000, { time: 20_000 });
    expect(room.bid('bob', 'PROXY', 3_000, { time: 20_000 }).signals).toEqual([]);
  });

  test('self-raise: a losing bidder who probes upward is none', () => {
    const room = new Saleroom();
    room.bid('ann', 'PROXY', 90_000, { time: 0 });
    for (let i = 1; i < 8; i++) expect(room.bid('bob', 'PROXY', 2_000 * i, { time: 20_000 * i }).signals).toEqual([]);
  });

  test('shares are exact and rounded down, also of amounts beyond the product of safe integers', () => {
    expect(millionths(1, 3)).toBe(333_333);
    expect(millionths(2, 3)).toBe(666_666);
    expect(millionths(1_333_333_333_333_333, 1_500_000_000_000_000)).toBe(888_888);
    expect(millionths(-1, 3)).toBe(0);
    expect(millionths(4, 3)).toBe(1_000_000);
  });
});

describe('signals of a bidder', () => {
  const bidder: BidderState = {
    bids: 0,
    auctions: 0,
    closedAuctions: 0,
    won: 0,
    heavyAuctions: 0,
    heavyWon: 0,
    flagged: 0,
    firstBidAt: 0,
    lastBidAt: 0,
    rating: null,
    registeredAt: null,
    updatedAt: 0,
  };
  const bid: BidderBid = {
    type: 'BidderBid',
    bidId: 'bid',
    auctionId: 'a',
    sellerId: 'seller',
    bidderId: 'bob',
    category: 'Antiques',
    currency: 'USD',
    input: { topic: 'auction.bids', partition: 0, offset: 7 },
    score: 0,
    signals: [],
    price: 1_000,
    decidedAt: 10 * DAY,
    firstInAuction: true,
  };

  function values(
    state: Partial<BidderState>,
    seller: BidderSeller = { auctions: 1, won: 0 },
    more: Partial<BidderBid> = {},
  ) {
    const signals = allSignals(
      { ...bidder, ...state },
      seller,
      { ...bid, ...more, type: 'BidderBid' },
      DEFAULT_WEIGHTS,
    );
    return Object.fromEntries(signals.map(({ signal, value }) => [signal, value]));
  }

  test('seller-affinity: from 5 auctions on, the share with a seller from whom nothing was won', () => {
    expect(values({ auctions: 4 }, { auctions: 4, won: 0 })).toEqual({});
    expect(values({ auctions: 5 }, { auctions: 5, won: 0 })).toEqual({ 'seller-affinity': 1_000_000 });
    expect(values({ auctions: 8 }, { auctions: 6, won: 0 })).toEqual({ 'seller-affinity': 750_000 });
    expect(values({ auctions: 8 }, { auctions: 6, won: 1 })).toEqual({});
  });

  test('losing-ratio: from 5 auctions with a good part of the bids on, the share not won', () => {
    expect(values({ heavyAuctions: 4 })).toEqual({});
    expect(values({ heavyAuctions: 5, heavyWon: 1 })).toEqual({ 'losing-ratio': 800_000 });
    expect(values({ heavyAuctions: 5, heavyWon: 5 })).toEqual({});
  });

  test('losing-ratio: 20 % of the bids count, a cancelled auction does not', () => {
    const closing: BidderClosing = {
      type: 'BidderClosing',
      bidderId: 'bob',
      auctionId: 'a',
      sellerId: 'seller',
      status: 'SOLD',
      won: false,
      bids: 2,
      auctionBids: 10,
      closedAt: 0,
    };
    expect(isHeavy(closing, DEFAULT_WEIGHTS)).toBe(true);
    expect(isHeavy({ ...closing, type: 'BidderClosing', auctionBids: 11 }, DEFAULT_WEIGHTS)).toBe(false);
    expect(isHeavy({ ...closing, type: 'BidderClosing', status: 'CANCELLED' }, DEFAULT_WEIGHTS)).toBe(false);
  });

  test('new-account: younger than 7 days or badly rated, above the price of the category', () => {
    const young = { registeredAt: 3 * DAY + 1, rating: 5 };
    const fired = { 'new-account': 1_000_000 };
    expect(values(young, undefined, { price: 50_001 })).toEqual(fired);
    expect(values(young, undefined, { price: 50_000 })).toEqual({});
    expect(values({ ...young, registeredAt: 3 * DAY }, undefined, { price: 50_001 })).toEqual({});
    expect(values({ registeredAt: 0, rating: -1 }, undefined, { price: 50_001 })).toEqual(fired);
    expect(values({}, undefined, { price: 50_001 })).toEqual({});
    expect(values(young, undefined, { price: 20_001, category: 'Collectibles' })).toEqual(fired);
    expect(values(young, undefined, { price: 50_001, category: 'toString' })).toEqual(fired);
    expect(values(young, undefined, { price: 501, currency: 'JPY' })).toEqual(fired);
    expect(values(young, undefined, { price: 500, currency: 'JPY' })).toEqual({});
  });

  test('multiply with the local ones', () => {
    const local = [{ signal: 'snipe', value: 1_000_000 }];
    const signals = allSignals(
      { ...bidder, auctions: 5 },
      { auctions: 5, won: 0 },
      { ...bid, type: 'BidderBid', signals: local },
      DEFAULT_WEIGHTS,
    );
    expect(scoreOf(signals, DEFAULT_WEIGHTS)).toBe(662_500);
    expect(scoreOf([], DEFAULT_WEIGHTS)).toBe(0);
  });
});
