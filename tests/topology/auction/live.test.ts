import { expect, test } from 'vitest';
import type { AuctionState } from 'gavel/schemas';
import { HOUR, MINUTE, openAuctionHouse } from './auction-house.ts';

test('a LIVE auction opens and closes by itself, without any input', async () => {
  await using house = await openAuctionHouse();
  const start = house.now;
  await house.list({ startsAt: start + MINUTE, endsAt: start + 10 * MINUTE });
  expect(await house.read('prices')).toMatchObject([
    { status: 'SCHEDULED', price: 1_000, leader: null, bids: 0, nextMinimum: 1_000 },
  ]);
  await house.bid('ann', 'PROXY', 5_000);
  expect(await house.verdicts()).toMatchObject([{ outcome: 'REJECTED', reason: 'NOT_STARTED' }]);

  await house.driver.advance(MINUTE);
  expect(await house.read('prices')).toMatchObject([{ status: 'OPEN' }]);
  await house.bid('ann', 'PROXY', 5_000);
  await house.bid('bob', 'PROXY', 2_000);
  expect(await house.read('prices')).toMatchObject([
    { leader: 'ann', price: 1_000, bids: 1, nextMinimum: 1_050 },
    { leader: 'ann', price: 2_050, bids: 2, nextMinimum: 2_100 },
  ]);
  expect(await house.read('transactions')).toEqual([]);

  await house.driver.advance(9 * MINUTE);
  const end = start + 10 * MINUTE;
  expect(await house.read('prices')).toMatchObject([
    { status: 'SOLD', price: 2_050, leader: 'ann', nextMinimum: null, updatedAt: end },
  ]);
  const bids = await house.verdicts();
  expect(await house.read('transactions')).toMatchObject([
    {
      txnId: 'txn-a',
      buyerId: 'ann',
      sellerId: 'seller',
      finalPrice: 2_050,
      platformFee: 205,
      currency: 'USD',
      status: 'PENDING',
      closedAt: end,
      paidAt: null,
      shippedAt: null,
      input: bids[0]?.input,
    },
  ]);
  await house.bid('bob', 'PROXY', 9_000);
  expect(await house.verdicts()).toMatchObject([
    { outcome: 'REJECTED', reason: 'AUCTION_ENDED', previousPrice: 2_050 },
  ]);
});

test('a bid closes what is due before it, and outputs have the time of their input', async () => {
  await using house = await openAuctionHouse();
  await house.list({ auctionId: 'a', endsAt: house.now + MINUTE });
  await house.list({ auctionId: 'b', endsAt: house.now + 2 * HOUR });
  house.driver.pause(0);
  house.driver.clock.moveTo(house.now + HOUR);
  await house.driver.send(house.topics.bids, [{ key: 'a', value: house.bidPlaced('ann', 'PROXY', { amount: 2_000 }) }]);
  house.driver.resume(0);
  await house.driver.settle();
  const [rejected] = await house.driver.read(house.topics.rejected);
  expect(rejected).toMatchObject({ key: 'a', timestamp: house.now, value: { reason: 'AUCTION_ENDED' } });
  const row = await house.row<AuctionState>('auctions', 'a');
  expect(row).toMatchObject({ status: 'NO_BIDS', price: 1_000, leader: null, rejected: 1 });
});

test('auctions that end at one moment close in the order of their ids', async () => {
  await using house = await openAuctionHouse();
  const ids = ['k', 'c', 'x', 'a', 'm', 'b'];
  const endsAt = house.now + MINUTE;
  for (const auctionId of ids) await house.list({ auctionId, endsAt });
  await house.read('prices');
  await house.driver.advance(MINUTE);
  const closings = await house.driver.read(house.topics.prices);
  expect(closings.map(({ value }) => value?.status)).toEqual(ids.map(() => 'NO_BIDS'));
  for (const partition of [0, 1, 2]) {
    const keys = closings.filter((record) => record.partition === partition).map(({ key }) => key ?? '');
    expect(keys).toEqual([...keys].sort());
  }
});

test('soft close moves the end while bids come', async () => {
  await using house = await openAuctionHouse();
  const endsAt = house.now + 10 * MINUTE;
  await house.list({ endsAt, softClose: true });
  await house.driver.advance(9 * MINUTE);
  await house.bid('ann', 'PROXY', 5_000);
  await house.driver.advance(MINUTE + 30_000);
  await house.bid('bob', 'PROXY', 3_000);
  await house.read('prices');
  await house.driver.advance(MINUTE + 59_999);
  expect(await house.read('prices')).toEqual([]);
  await house.driver.advance(1);
  expect(await house.read('prices')).toMatchObject([
    { status: 'SOLD', price: 3_100, endsAt: endsAt + 2 * MINUTE + 30_000 },
  ]);
});

test('a reserve that is not met sells nothing', async () => {
  await using house = await openAuctionHouse();
  await house.list({ reservePrice: 4_000, endsAt: house.now + 5 * MINUTE });
  await house.bid('ann', 'PROXY', 3_000);
  await house.driver.advance(5 * MINUTE);
  const prices = await house.read('prices');
  expect(prices.at(-1)).toMatchObject({ status: 'RESERVE_NOT_MET', leader: 'ann', price: 1_000, reserveMet: false });
  expect(await house.read('transactions')).toEqual([]);
});

test('an administrator cancels a LIVE auction, but does not close it early', async () => {
  await using house = await openAuctionHouse();
  await house.list();
  await house.bid('ann', 'PROXY', 3_000);
  await house.close('ENDED');
  expect((await house.row<AuctionState>('auctions', 'a'))?.status).toBe('OPEN');
  expect(await house.read('alerts')).toMatchObject([
    { kind: 'CLOSE_IGNORED', severity: 'INFO', message: expect.stringMatching('LIVE') },
  ]);
  await house.close('CANCELLED');
  expect(await house.row<AuctionState>('auctions', 'a')).toMatchObject({
    status: 'CANCELLED',
    leader: 'ann',
    settlement: null,
  });
  await house.close('CANCELLED');
  await house.close('CANCELLED', 'unknown');
  const ignored = await house.read('alerts');
  expect(ignored.map(({ kind }) => kind)).toEqual(['CLOSE_IGNORED', 'CLOSE_IGNORED']);
  await house.driver.advance(2 * HOUR);
  expect(await house.read('transactions')).toEqual([]);
});
