import { expect, test } from 'vitest';
import type { AuctionState, BidderState } from 'gavel/schemas';
import { DAY, HOUR, MINUTE, openAuctionHouse } from './auction-house.ts';

test('the bids of a closed auction go after 7 days, its row shrinks, and goes after keepClosedDays', async () => {
  await using house = await openAuctionHouse({ keepClosedDays: 20 });
  const item = await house.list();
  await house.bid('ann', 'PROXY', 5_000);
  await house.bid('bob', 'PROXY', 2_000);
  await house.driver.advance(HOUR);
  await house.sleep(7 * DAY - MINUTE);
  expect(await house.keys('bid-history')).toEqual(['a/ann', 'a/bob']);
  await house.sleep(MINUTE);
  expect(await house.keys('bid-history')).toEqual([]);
  expect(await house.keys('auction-bids')).toEqual([]);
  const row = await house.row<AuctionState>('auctions', 'a');
  expect(row).toMatchObject({
    terms: null,
    status: 'SOLD',
    price: 2_050,
    leader: 'ann',
    accepted: 2,
    highest: null,
    winningBid: null,
  });

  await house.read('prices');
  await house.list(item);
  await house.bid('cyd', 'PROXY', 9_000);
  expect((await house.verdicts()).at(-1)).toMatchObject({
    reason: 'AUCTION_ENDED',
    currency: 'USD',
    previousPrice: 2_050,
  });
  expect(await house.read('prices')).toEqual([]);
  expect(await house.deadLetters('bids')).toEqual([]);
  expect(await house.keys('bid-history')).toEqual(['a/cyd']);

  await house.sleep(13 * DAY);
  expect(await house.keys('auctions')).toEqual([]);
  expect(await house.keys('bid-history')).toEqual([]);
  await house.bid('cyd', 'PROXY', 9_000);
  expect(await house.verdicts()).toMatchObject([{ reason: 'UNKNOWN_AUCTION' }]);
});

test('bids of an unknown auction are remembered for 7 days, so that the same again is a duplicate', async () => {
  await using house = await openAuctionHouse();
  const lost = house.bidPlaced('ann', 'PROXY', { auctionId: 'nowhere', amount: 2_000 });
  await house.append(lost);
  await house.driver.advance(HOUR);
  await house.append(lost);
  expect((await house.verdicts()).map(({ outcome }) => outcome)).toEqual(['REJECTED', 'DUPLICATE']);
  expect(await house.keys('bid-history')).toEqual(['nowhere/ann']);
  await house.sleep(7 * DAY);
  expect(await house.keys('bid-history')).toEqual([]);
});

test('a crowded auction tells each bidder and forgets each row, in slices', async () => {
  await using house = await openAuctionHouse();
  const crowd = 1_250;
  await house.list({ endsAt: house.now + MINUTE });
  await house.list({ auctionId: 'a ', endsAt: house.now + 2 * HOUR });
  await house.append(
    ...Array.from({ length: crowd }, (_, i) => house.bidPlaced(`bidder-${i}`, 'PROXY', { amount: 1_000 + 20_000 * i })),
    house.bidPlaced('poor', 'PROXY', { amount: 1 }),
    house.bidPlaced('next door', 'PROXY', { auctionId: 'a ', amount: 1_000 }),
  );
  const accepted = (await house.verdicts()).filter(
    ({ outcome, auctionId }) => outcome === 'ACCEPTED' && auctionId === 'a',
  );
  expect(accepted.length).toBe(crowd);
  expect((await house.row<AuctionState>('auctions', 'a'))?.bidders).toBeNull();
  await house.driver.advance(2 * MINUTE);
  const told = new Map<string, BidderState>();
  for await (const { key, value } of house.driver.store<string, BidderState>('bidders').scan()) told.set(key, value);
  expect(told.size).toBe(accepted.length + 1);
  expect(told.get('next door')).toMatchObject({ closedAuctions: 0 });
  const closings = [...told.values()].reduce((sum, { closedAuctions }) => sum + closedAuctions, 0);
  expect(closings).toBe(accepted.length);
  expect([...told].filter(([, { won }]) => won > 0).map(([bidderId]) => bidderId)).toEqual([accepted.at(-1)?.bidderId]);
  expect((await house.row<AuctionState>('auctions', 'a'))?.factsFrom).toBeNull();

  expect(await house.keys('bid-history')).toHaveLength(crowd + 2);
  await house.sleep(7 * DAY + HOUR);
  expect(await house.keys('bid-history')).toEqual(['a /next door']);
  expect(await house.row<AuctionState>('auctions', 'a')).toMatchObject({ terms: null, status: 'SOLD' });
});

test('a crowded BATCH auction tells its bidders at once when it is closed', async () => {
  await using house = await openAuctionHouse();
  await house.list({ channel: 'BATCH' });
  await house.append(
    ...Array.from({ length: 40 }, (_, i) => house.bidPlaced(`bidder-${i}`, 'PROXY', { amount: 1_000 + 500 * i })),
  );
  await house.close('ENDED');
  await house.driver.advance(1_000);
  let closings = 0;
  for await (const { value } of house.driver.store<string, BidderState>('bidders').scan())
    closings += value.closedAuctions;
  expect(closings).toBe((await house.row<AuctionState>('auctions', 'a'))?.accepted);
});
