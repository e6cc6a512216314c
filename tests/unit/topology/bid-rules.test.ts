import { describe, expect, test } from 'vitest';
import type { Reason } from 'gavel/schemas';
import { closed, shrunk } from '../../../topology/closing.ts';
import { HOUR, Saleroom } from './saleroom.ts';

describe('the rules in their order', () => {
  function refused(room: Saleroom, reason: Reason, ...bid: Parameters<Saleroom['bid']>): void {
    const before = room.auction;
    const verdict = room.bid(...bid);
    expect(verdict).toMatchObject({
      outcome: 'REJECTED',
      reason,
      score: 0,
      signals: [],
      previousPrice: before?.price ?? null,
    });
    expect(verdict.newPrice).toBe(verdict.previousPrice);
    const counts = before && { rejected: before.rejected + 1, accepted: before.accepted };
    expect(room.auction && { rejected: room.auction.rejected, accepted: room.auction.accepted }).toEqual(counts);
  }

  test('1: an unknown auction', () => {
    const room = new Saleroom();
    room.auction = undefined;
    refused(room, 'UNKNOWN_AUCTION', 'A', 'MANUAL', 2_000, { currency: 'EUR' });
    expect(room.auction).toBeUndefined();
    expect(room.histories.get('A')).toMatchObject({ bids: 0, expiresAt: 1_000 + 7 * 24 * HOUR });
  });

  test('2: a LIVE bid is timed by its append, and not believed when placed far later', () => {
    const room = new Saleroom({ startsAt: 10_000 });
    refused(room, 'NOT_STARTED', 'A', 'MANUAL', 2_000, { time: 9_999 });
    refused(room, 'AUCTION_ENDED', 'A', 'MANUAL', 2_000, { time: HOUR, placedAt: 20_000 });
    refused(room, 'INVALID_TIME', 'A', 'MANUAL', 2_000, { time: 9_999, placedAt: 15_000 });
    refused(room, 'INVALID_TIME', 'seller', 'MANUAL', 0, { time: 20_000, placedAt: Date.UTC(2099, 0) });
    expect(room.bid('A', 'MANUAL', 2_000, { time: 10_000, placedAt: 15_000 }).outcome).toBe('ACCEPTED');
    expect(room.bid('B', 'MANUAL', 3_000, { time: HOUR - 1, placedAt: 0 })).toMatchObject({
      outcome: 'ACCEPTED',
      decidedAt: HOUR - 1,
    });
  });

  test('2: a BATCH bid is timed by what it tells', () => {
    const room = new Saleroom({ channel: 'BATCH', startsAt: 10_000 });
    refused(room, 'NOT_STARTED', 'A', 'MANUAL', 2_000, { placedAt: 9_999, time: 10 * HOUR });
    refused(room, 'AUCTION_ENDED', 'A', 'MANUAL', 2_000, { placedAt: HOUR, time: 10 * HOUR });
    refused(room, 'AUCTION_ENDED', 'A', 'MANUAL', 2_000, { placedAt: Date.UTC(2099, 0), time: 10 * HOUR });
    const verdict = room.bid('A', 'MANUAL', 2_000, { placedAt: HOUR - 1, time: 10 * HOUR });
    expect(verdict).toMatchObject({ outcome: 'ACCEPTED', decidedAt: HOUR - 1 });
  });

  test('2: a closed auction, also when its row has shrunk', () => {
    const room = new Saleroom();
    room.bid('A', 'MANUAL', 2_000);
    room.auction = room.auction && closed(room.auction, 5_000, true);
    refused(room, 'AUCTION_ENDED', 'B', 'MANUAL', 3_000);
    room.auction = room.auction && shrunk(room.auction);
    refused(room, 'AUCTION_ENDED', 'C', 'MANUAL', 3_000, { time: 50 });
    expect(room.histories.get('B')?.expiresAt).toBeNull();
    expect(room.histories.get('C')?.expiresAt).toBe(50 + 7 * 24 * HOUR);
  });

  test('3: the seller, then the amount', () => {
    const room = new Saleroom();
    refused(room, 'SELLER_BID', 'seller', 'MANUAL', -1);
    refused(room, 'INVALID_AMOUNT', 'A', 'MANUAL', 0);
    refused(room, 'INVALID_AMOUNT', 'A', 'MANUAL', -2_000);
    refused(room, 'INVALID_AMOUNT', 'A', 'PROXY', 10_000_000_000_001);
    refused(room, 'INVALID_AMOUNT', 'A', 'PROXY', 2n ** 60n);
    refused(room, 'INVALID_AMOUNT', 'A', 'MANUAL', 2_000, { currency: 'EUR' });
    expect(room.bid('A', 'MANUAL', 2_000, { currency: 'USD' }).outcome).toBe('ACCEPTED');
    expect(room.bid('B', 'PROXY', 10_000_000_000_000).outcome).toBe('ACCEPTED');
  });

  test('4 to 6: the amount against who leads', () => {
    const room = new Saleroom();
    refused(room, 'BELOW_START', 'A', 'MANUAL', 999);
    expect(room.bid('A', 'PROXY', 1_000)).toMatchObject({ outcome: 'ACCEPTED', leads: true });
    refused(room, 'NOT_HIGHER', 'A', 'PROXY', 1_000);
    refused(room, 'TOO_LOW', 'B', 'MANUAL', 1_049);
    expect(room.bid('B', 'MANUAL', 1_050)).toMatchObject({ outcome: 'ACCEPTED', leads: true });
    expect(room.auction).toMatchObject({ accepted: 2, rejected: 3 });
  });

  test('an equal amount is accepted, but the earlier bid leads', () => {
    const room = new Saleroom();
    room.bid('A', 'PROXY', 3_000);
    expect(room.bid('B', 'MANUAL', 3_000)).toMatchObject({ outcome: 'ACCEPTED', leads: false, newPrice: 3_000 });
    expect(room.auction).toMatchObject({ leader: 'A', second: 3_000, openMaximum: null });
  });
});

describe('rule 0: duplicates', () => {
  test('get the first outcome, whatever they hold, and change nothing', () => {
    const room = new Saleroom();
    room.bid('A', 'MANUAL', 2_000, { bidId: 'x' });
    room.bid('A', 'MANUAL', 2_000, { bidId: 'y' });
    const rows = [room.auction, room.histories.get('A')];
    const again = room.bid('A', 'PROXY', 9_000, { bidId: 'x', placedAt: Date.UTC(2099, 0) });
    expect(again).toMatchObject({
      outcome: 'DUPLICATE',
      reason: null,
      duplicateOf: { outcome: 'ACCEPTED', reason: null, offset: 0 },
      previousPrice: 2_000,
      newPrice: 2_000,
      leads: true,
      score: 0,
    });
    expect(room.bid('A', 'MANUAL', 9_000, { bidId: 'y' }).duplicateOf).toEqual({
      outcome: 'REJECTED',
      reason: 'NOT_HIGHER',
      offset: 1,
    });
    expect([room.auction, room.histories.get('A')]).toEqual(rows);
    expect(room.auction).toBe(rows[0]);
  });

  test('are known among the last 8 bids of the same bidder', () => {
    const room = new Saleroom();
    room.bid('A', 'PROXY', 500, { bidId: 'x' });
    for (let i = 0; i < 7; i++) room.bid('A', 'PROXY', 500, { bidId: `other-${i}` });
    expect(room.bid('A', 'PROXY', 500, { bidId: 'x' }).outcome).toBe('DUPLICATE');
    expect(room.bid('B', 'PROXY', 500, { bidId: 'x' }).outcome).toBe('REJECTED');
    room.bid('A', 'PROXY', 500, { bidId: 'other-7' });
    expect(room.bid('A', 'PROXY', 500, { bidId: 'x' }).outcome).toBe('REJECTED');
  });

  test('of an unknown auction stay duplicates when it is listed later', () => {
    const room = new Saleroom();
    const listed = room.auction;
    room.auction = undefined;
    room.bid('A', 'PROXY', 2_000, { bidId: 'x' });
    room.auction = listed;
    expect(room.bid('A', 'PROXY', 2_000, { bidId: 'x' }).duplicateOf).toMatchObject({ reason: 'UNKNOWN_AUCTION' });
    room.bid('A', 'PROXY', 2_000);
    expect(room.histories.get('A')).toMatchObject({ bids: 1, expiresAt: null });
    expect(room.auction?.bidders).toEqual(['A']);
  });
});

test('an auction names its bidders up to 16 of them', () => {
  const room = new Saleroom();
  for (let i = 0; i < 16; i++) room.bid(`bidder-${i}`, 'PROXY', i % 2 === 0 ? 500 : 2_000 + 100 * i);
  room.bid('bidder-3', 'PROXY', 5_000);
  expect(room.auction?.bidders).toHaveLength(16);
  room.bid('bidder-16', 'PROXY', 500);
  expect(room.auction?.bidders).toBeNull();
  room.bid('bidder-17', 'PROXY', 9_000);
  expect(room.auction?.bidders).toBeNull();
});

test('a bidder row keeps counts, times and the maximum of accepted bids', () => {
  const room = new Saleroom();
  for (let i = 0; i < 8; i++) room.bid('A', 'PROXY', 2_000 + i, { time: 1_000 * i });
  room.bid('A', 'PROXY', 500, { time: 90_000 });
  const history = room.histories.get('A');
  expect(history).toMatchObject({ bids: 8, maximum: 2_007, firstAt: 0, lastAt: 7_000, selfRaises: 7 });
  expect(history?.lastTimes).toEqual([2_000, 3_000, 4_000, 5_000, 6_000, 7_000]);
  expect(history?.recent.map(({ offset }) => offset)).toEqual([1, 2, 3, 4, 5, 6, 7, 8]);
});
