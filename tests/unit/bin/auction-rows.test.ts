import type { AuctionBid, AuctionState } from 'gavel/schemas';
import { expect, test } from 'vitest';

import { auctionDetail, auctionRow } from '../../../bin/auction-rows.ts';

const auction: AuctionState = {
  auctionId: 'a1',
  terms: {
    itemId: 'i1',
    sellerId: 's1',
    title: 'A clock',
    category: 'Antiques',
    startPrice: 1000,
    reservePrice: 4000,
    startsAt: 0,
    endsAt: 1_700_000_000_000,
    channel: 'BATCH',
    softClose: false,
  },
  currency: 'USD',
  status: 'OPEN',
  price: 2050,
  leader: 'u1',
  highest: 5000,
  second: 2000,
  openMaximum: 2000,
  accepted: 2,
  rejected: 1,
  endsAt: 1_700_000_000_000,
  winningBid: { bidId: 'b1', offset: 5, flagged: false },
  settlement: null,
  closedAt: null,
  bidders: ['u1', 'u2'],
  factsFrom: null,
};

test('a line of the list: these keys in this order', () => {
  expect(JSON.stringify(auctionRow(auction))).toBe(
    '{"auctionId":"a1","status":"OPEN","price":2050,"currency":"USD","leader":"u1","accepted":2,"rejected":1,"endsAt":"2023-11-14T22:13:20.000Z"}',
  );
});

test('shows the last bids newest first', () => {
  const bid = (offset: number): AuctionBid => ({ bidId: `b${offset}`, offset, decidedAt: 0 }) as AuctionBid;
  expect(auctionDetail(auction, [bid(5), bid(9), bid(7)]).bids.map(({ offset }) => offset)).toEqual([9, 7, 5]);
});

test('tells no secret: neither maxima nor the reserve', () => {
  const text = JSON.stringify(auctionDetail(auction, []));
  for (const secret of ['5000', '2000', '4000', 'highest', 'second', 'reserve']) expect(text).not.toContain(secret);
});

test('a row that has shrunk shows what it still has', () => {
  expect(auctionDetail({ ...auction, terms: null }, [])).toMatchObject({ title: null, startsAt: null, price: 2050 });
});
