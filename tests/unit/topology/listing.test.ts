import { expect, test } from 'vitest';
import type { Listing } from 'gavel/schemas';
import { closed } from '../../../topology/closing.ts';
import { listingFault, openAuction, relist, relistedAuction } from '../../../topology/listing.ts';
import { listingOf, Saleroom } from './saleroom.ts';

test.each<[Partial<Listing>, string | undefined]>([
  [{}, undefined],
  [{ startPrice: 0, reservePrice: 500 }, undefined],
  [{ category: 'anything at all' }, undefined],
  [{ startsAt: 10, endsAt: 9 }, 'the auction ends before it starts'],
  [{ startsAt: 10, endsAt: 10 }, 'the auction ends before it starts'],
  [{ startPrice: -1 }, 'the start price is negative or too large'],
  [{ startPrice: 2n ** 60n }, 'the start price is negative or too large'],
  [{ reservePrice: 10_000_000_000_001 }, 'the reserve price is negative or too large'],
  [{ currency: 'XXY' }, 'the currency "XXY" is unknown'],
  [{ auctionId: '' }, 'the auctionId is empty or holds a NUL'],
  [{ auctionId: 'a\0b' }, 'the auctionId is empty or holds a NUL'],
  [{ sellerId: '' }, 'the sellerId is empty'],
])('%o: %s', (more, fault) => {
  expect(listingFault(listingOf(more))).toBe(fault);
});

test('a LIVE auction is scheduled until it starts, a BATCH one is open at once', () => {
  expect(openAuction(listingOf({ startsAt: 10 }), 9).status).toBe('SCHEDULED');
  expect(openAuction(listingOf({ startsAt: 10 }), 10).status).toBe('OPEN');
  expect(openAuction(listingOf({ startsAt: 10, channel: 'BATCH' }), 9).status).toBe('OPEN');
});

test('the same listing again, one that changed in time and one that changed too late', () => {
  const room = new Saleroom();
  const listed = openAuction(listingOf(), 0);
  const changed = listingOf({ title: 'A better clock', startPrice: 1_500 });
  expect(relist(listed, listingOf())).toBe('same');
  expect(relist(listed, changed)).toBe('changed');
  expect(relist(listed, listingOf({ currency: 'EUR' }))).toBe('changed');
  expect(relist(closed(listed, 5, false), changed)).toBe('too-late');
  room.bid('A', 'PROXY', 500);
  const relisted = relistedAuction(room.auction ?? listed, changed, 0);
  expect(relisted).toMatchObject({ price: 1_500, rejected: 1, bidders: ['A'] });
  room.bid('A', 'PROXY', 2_000);
  expect(relist(room.auction ?? listed, changed)).toBe('too-late');
  expect(relist(room.auction ?? listed, listingOf())).toBe('same');
});
