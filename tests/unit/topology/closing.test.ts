import { describe, expect, test } from 'vitest';
import type { AuctionState } from 'gavel/schemas';
import { closed, DAY_MS, dueAt, endAfterBid, isForgotten, shrunk } from '../../../topology/closing.ts';
import { currentPriceOf } from '../../../topology/current-price.ts';
import { openAuction } from '../../../topology/listing.ts';
import { platformFee } from '../../../topology/settlement.ts';
import { HOUR, listingOf, Saleroom } from './saleroom.ts';

const MINUTE = 60_000;

describe('soft close', () => {
  test.each([
    ['before the last 120 s', HOUR, HOUR - 120_001, HOUR],
    ['at 120 s nothing moves', HOUR, HOUR - 120_000, HOUR],
    ['in the last 120 s', HOUR, HOUR - 10_000, HOUR + 110_000],
    ['extended already', HOUR + 110_000, HOUR + 100_000, HOUR + 220_000],
    ['at most 60 min', 2 * HOUR - 1_000, 2 * HOUR - 2_000, 2 * HOUR],
  ])('%s', (_name, endsAt, time, end) => {
    expect(endAfterBid(endsAt, HOUR, time)).toBe(end);
  });

  test('moves the end only for a new leader or price, and only where the seller wants it', () => {
    const late = { time: HOUR - 1_000 };
    const room = new Saleroom({ softClose: true });
    room.bid('A', 'PROXY', 3_000);
    room.bid('A', 'PROXY', 4_000, late);
    expect(room.auction?.endsAt).toBe(HOUR);
    room.bid('B', 'PROXY', 2_000, late);
    expect(room.auction?.endsAt).toBe(HOUR + 119_000);
    const hard = new Saleroom();
    hard.bid('A', 'PROXY', 3_000, late);
    expect(hard.auction?.endsAt).toBe(HOUR);
  });
});

describe('closing', () => {
  function close(reservePrice: number | null, amounts: readonly number[], cancelled = false): AuctionState {
    const room = new Saleroom({ reservePrice });
    for (const [i, amount] of amounts.entries()) room.bid(`bidder-${i}`, 'PROXY', amount);
    return closed(room.auction as AuctionState, HOUR, cancelled);
  }

  test('tells how it ended', () => {
    expect(close(null, [])).toMatchObject({
      status: 'NO_BIDS',
      price: 1_000,
      leader: null,
      settlement: null,
      closedAt: HOUR,
    });
    expect(close(null, [500])).toMatchObject({ status: 'NO_BIDS', rejected: 1 });
    expect(close(5_000, [3_000])).toMatchObject({ status: 'RESERVE_NOT_MET', leader: 'bidder-0', settlement: null });
    expect(close(5_000, [5_000])).toMatchObject({ status: 'SOLD', price: 5_000, settlement: 'PENDING' });
    expect(close(null, [3_000, 4_000], true)).toMatchObject({
      status: 'CANCELLED',
      price: 3_100,
      leader: 'bidder-1',
      settlement: null,
    });
    expect(close(null, [], true).status).toBe('CANCELLED');
  });

  test('holds the settlement of a flagged winner', () => {
    const room = new Saleroom();
    room.bid('A', 'PROXY', 1_000);
    room.bid('B', 'MANUAL', 9_000, { time: HOUR - 1 });
    expect(closed(room.auction as AuctionState, HOUR, false)).toMatchObject({ status: 'SOLD', settlement: 'HELD' });
  });

  test('a closed auction has no next minimum', () => {
    expect(currentPriceOf(close(5_000, [3_000]), HOUR)).toMatchObject({
      nextMinimum: null,
      reserveMet: false,
      price: 1_000,
    });
    expect(currentPriceOf(close(null, [3_000]), HOUR)).toMatchObject({ nextMinimum: null, reserveMet: true, bids: 1 });
  });
});

describe('when an auction needs attention', () => {
  const live = openAuction(listingOf({ startsAt: 1_000 }), 0);

  test('while it runs', () => {
    expect(live.status).toBe('SCHEDULED');
    expect(dueAt(live, 90)).toBe(1_000);
    expect(dueAt({ ...live, status: 'OPEN', endsAt: HOUR + MINUTE }, 90)).toBe(HOUR + MINUTE);
    expect(dueAt(openAuction(listingOf({ channel: 'BATCH', startsAt: 1_000 }), 0), 90)).toBeUndefined();
  });

  test('after its closing', () => {
    const ended = closed(live, HOUR, false);
    expect(dueAt({ ...ended, factsFrom: 'a\0' }, 90)).toBe(HOUR);
    expect(dueAt(ended, 90)).toBe(HOUR + 7 * DAY_MS);
    expect(dueAt(shrunk(ended), 90)).toBe(HOUR + 90 * DAY_MS);
    expect(dueAt(shrunk(ended), 1)).toBe(HOUR + 7 * DAY_MS);
  });

  test('a held settlement waits for its decision with its terms', () => {
    const room = new Saleroom();
    room.bid('A', 'PROXY', 1_000);
    room.bid('B', 'MANUAL', 9_000, { time: HOUR - 1 });
    const held = closed(room.auction as AuctionState, HOUR, false);
    expect(isForgotten(held)).toBe(false);
    const forgotten = shrunk(held);
    expect(forgotten).toMatchObject({ highest: null, winningBid: null, bidders: null, leader: 'B', price: 9_000 });
    expect(forgotten.terms).toBe(held.terms);
    expect(isForgotten(forgotten)).toBe(true);
    expect(dueAt(forgotten, 90)).toBeUndefined();
    expect(shrunk({ ...forgotten, settlement: 'VOIDED' }).terms).toBeNull();
  });
});

test.each([
  [1_000, 100],
  [1_005, 100],
  [1_015, 102],
  [1_025, 102],
  [1_006, 101],
  [9_999_999_999_995, 1_000_000_000_000],
  [9_999_999_999_985, 999_999_999_998],
])('the fee of %i is %i: 10 %%, rounded half to even', (price, fee) => {
  expect(platformFee(price, 100_000)).toBe(fee);
});
