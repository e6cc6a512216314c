import { expect, test } from 'vitest';
import type { AuctionBid, AuctionState } from 'gavel/schemas';
import { HOUR, MINUTE, openAuctionHouse } from './auction-house.ts';

test('each bid gets one verdict, in the topic of its outcome', async () => {
  await using house = await openAuctionHouse();
  await house.list();
  await house.append(
    house.bidPlaced('ann', 'PROXY', { amount: 5_000, bidId: 'one' }),
    house.bidPlaced('bob', 'MANUAL', { amount: 9_000 }),
    house.bidPlaced('ann', 'PROXY', { amount: 1 }),
    house.bidPlaced('ann', 'MANUAL', { amount: 99_000, bidId: 'one' }),
    house.bidPlaced('ann', 'PROXY', { amount: 3_000, auctionId: 'unknown' }),
    house.bidPlaced('ann', 'PROXY', { amount: 2n ** 62n }),
    house.bidPlaced('ann', 'PROXY', { amount: 20_000, currency: 'JPY' }),
  );
  expect((await house.read('validated')).map(({ bidId }) => bidId)).toEqual(['one']);
  expect((await house.read('flagged')).map(({ bidId }) => bidId)).toEqual(['bid-1']);
  const rejected = await house.verdicts();
  expect(rejected.map(({ outcome, reason }) => reason ?? outcome).sort()).toEqual([
    'DUPLICATE',
    'INVALID_AMOUNT',
    'INVALID_AMOUNT',
    'TOO_LOW',
    'UNKNOWN_AUCTION',
  ]);
  expect(await house.row<AuctionState>('auctions', 'a')).toMatchObject({ accepted: 2, rejected: 3, price: 9_000 });
  expect(await house.row('auctions', 'unknown')).toBeUndefined();
});

test('records that cannot belong to the log are dead letters, and the others go on', async () => {
  await using house = await openAuctionHouse();
  await house.list();
  const bid = house.bidPlaced('ann', 'PROXY', { amount: 5_000 });
  await house.driver.pipe(house.topics.bids, [
    { key: null, value: bid },
    { key: 'a', value: null },
    { key: 'b', value: bid },
    { key: 'a', value: bid },
  ]);
  expect(await house.deadLetterReasons('bids')).toEqual(['KEY_MISMATCH', 'NULL_KEY', 'NULL_VALUE']);
  expect(await house.verdicts()).toMatchObject([{ outcome: 'ACCEPTED' }]);
});

test('the last 50 bids of an auction are kept, each in a row', async () => {
  await using house = await openAuctionHouse();
  await house.list();
  const bids = Array.from({ length: 73 }, (_, i) =>
    house.bidPlaced(`bidder-${i % 7}`, 'PROXY', { amount: 1_000 * (i + 1) }),
  );
  await house.append(...bids);
  expect(await house.keys('auction-bids')).toHaveLength(50);
  const rows: AuctionBid[] = [];
  for await (const { value } of house.driver.store<string, AuctionBid>('auction-bids').scan()) rows.push(value);
  const ids = rows.sort((a, b) => a.offset - b.offset).map(({ bidId }) => bidId);
  expect(ids).toEqual(bids.slice(-50).map(({ bidId }) => bidId));
});

test('a listing: again, changed in time, changed too late, impossible', async () => {
  await using house = await openAuctionHouse();
  const item = await house.list({ endsAt: house.now + HOUR });
  await house.list(item);
  expect(await house.read('prices')).toHaveLength(1);
  await house.list({ ...item, type: 'Item', startPrice: 2_000 });
  expect(await house.read('prices')).toMatchObject([{ price: 2_000, status: 'OPEN' }]);
  await house.bid('ann', 'PROXY', 3_000);
  await house.list({ ...item, type: 'Item', startPrice: 2_000 });
  await house.list({ ...item, type: 'Item', startPrice: 2_500 });
  await house.list({ auctionId: 'b', startsAt: house.now, endsAt: house.now - MINUTE });
  await house.list({ auctionId: 'c', currency: 'USS' });
  expect(await house.deadLetters('bids')).toEqual([
    'LISTING_REFUSED: the listing changed after the first accepted bid or the closing',
  ]);
  expect((await house.deadLetters('items')).sort()).toEqual([
    'LISTING_REFUSED: the auction ends before it starts',
    'LISTING_REFUSED: the currency "USS" is unknown',
  ]);
  expect((await house.read('alerts')).map(({ kind, auctionId }) => `${kind} ${auctionId}`).sort()).toEqual([
    'LISTING_REFUSED a',
    'LISTING_REFUSED b',
    'LISTING_REFUSED c',
  ]);
  expect(await house.row<AuctionState>('auctions', 'a')).toMatchObject({ price: 2_000, accepted: 1 });
});

test('a listing that comes after its end closes at once', async () => {
  await using house = await openAuctionHouse();
  await house.list({ startsAt: house.now - HOUR, endsAt: house.now - MINUTE });
  await house.driver.advance(1_000);
  expect(await house.row<AuctionState>('auctions', 'a')).toMatchObject({ status: 'NO_BIDS' });
});

test('an impossible item without a key or a value is a dead letter too', async () => {
  await using house = await openAuctionHouse();
  const item = await house.list();
  await house.driver.pipe(house.topics.items, [
    { key: null, value: item },
    { key: 'a', value: null },
    { key: 'b', value: item },
  ]);
  expect(await house.deadLetterReasons('items')).toEqual(['LISTING_REFUSED', 'NULL_KEY', 'NULL_VALUE']);
});
