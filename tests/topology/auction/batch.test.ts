import { expect, test } from 'vitest';
import type { AuctionState } from 'gavel/schemas';
import { HOUR, openAuctionHouse } from './auction-house.ts';

const START = Date.UTC(2003, 0, 1);

test('a BATCH auction is judged by what its bids tell, and closed on request', async () => {
  await using house = await openAuctionHouse();
  await house.list({ channel: 'BATCH', startsAt: START, endsAt: START + HOUR });
  expect(await house.read('prices')).toMatchObject([{ status: 'OPEN', endsAt: START + HOUR }]);
  const placed = [START - 1, START, START + HOUR - 1, START + HOUR, Date.UTC(2099, 0)];
  await house.append(
    ...placed.map((placedAt, i) => house.bidPlaced(`bidder-${i}`, 'PROXY', { amount: 2_000 + 1_000 * i, placedAt })),
  );
  expect((await house.verdicts()).map(({ reason, outcome, decidedAt }) => [reason ?? outcome, decidedAt])).toEqual([
    ['NOT_STARTED', START - 1],
    ['ACCEPTED', START],
    ['ACCEPTED', START + HOUR - 1],
    ['AUCTION_ENDED', START + HOUR],
    ['AUCTION_ENDED', Date.UTC(2099, 0)],
  ]);
  await house.driver.advance(2 * HOUR);
  expect((await house.row<AuctionState>('auctions', 'a'))?.status).toBe('OPEN');
  await house.close('ENDED');
  expect(await house.row<AuctionState>('auctions', 'a')).toMatchObject({
    status: 'SOLD',
    price: 3_100,
    leader: 'bidder-2',
    accepted: 2,
    rejected: 3,
    closedAt: house.now,
  });
  expect(await house.read('transactions')).toMatchObject([
    { buyerId: 'bidder-2', finalPrice: 3_100, platformFee: 310 },
  ]);
});

test('a closed one stays closed', async () => {
  await using house = await openAuctionHouse();
  await house.list({ channel: 'BATCH', startsAt: START, endsAt: START + HOUR });
  await house.close('ENDED');
  await house.close('ENDED');
  await house.bid('ann', 'PROXY', 5_000, { placedAt: START });
  expect(await house.verdicts()).toMatchObject([{ reason: 'AUCTION_ENDED' }]);
  expect(await house.read('alerts')).toMatchObject([{ kind: 'CLOSE_IGNORED' }]);
  expect((await house.row<AuctionState>('auctions', 'a'))?.status).toBe('NO_BIDS');
});
