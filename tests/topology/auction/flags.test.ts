import { describe, expect, test } from 'vitest';
import type { AuctionState, BidVerdict, FlagBid } from 'gavel/schemas';
import { DAY, HOUR, openAuctionHouse, type AuctionHouse } from './auction-house.ts';

/** Ann leads at the start price; bob's open bid of ten times that is flagged, and wins. */
async function flaggedWinner(house: AuctionHouse): Promise<void> {
  await house.list();
  await house.bid('ann', 'PROXY', 1_000);
  await house.bid('bob', 'MANUAL', 10_000);
}

function flagOf(verdict: BidVerdict | undefined, more: Partial<FlagBid> = {}): FlagBid {
  if (verdict === undefined) throw new Error('no verdict to flag');
  const { bidId, auctionId, bidderId, input } = verdict;
  const signals = [{ signal: 'seller-affinity', value: 1_000_000 }];
  return { type: 'FlagBid', bidId, auctionId, bidderId, input, score: 550_000, signals, weightsVersion: 1, ...more };
}

describe('a bid that its verdict flags', () => {
  test('counts for the price, raises an alert and holds the settlement until it is released', async () => {
    await using house = await openAuctionHouse();
    await flaggedWinner(house);
    expect(await house.read('flagged')).toMatchObject([
      { type: 'BidVerdict', outcome: 'ACCEPTED', newPrice: 10_000, leads: true, score: 600_000 },
    ]);
    expect(await house.read('alerts')).toMatchObject([
      { kind: 'BID_FLAGGED', bidderId: 'bob', message: expect.stringMatching('0.60: increment') },
    ]);
    await house.driver.advance(HOUR);
    expect(await house.read('transactions')).toMatchObject([{ status: 'HELD', buyerId: 'bob' }]);
    expect(await house.read('alerts')).toMatchObject([
      { kind: 'SETTLEMENT_HELD', bidderId: 'bob', severity: 'WARNING' },
    ]);
    await house.decide('RELEASE');
    expect(await house.read('transactions')).toMatchObject([{ status: 'PENDING', txnId: 'txn-a', finalPrice: 10_000 }]);
    await house.decide('VOID');
    expect(await house.read('transactions')).toEqual([]);
    expect((await house.row<AuctionState>('auctions', 'a'))?.settlement).toBe('PENDING');
  });

  test('or voided', async () => {
    await using house = await openAuctionHouse();
    await flaggedWinner(house);
    await house.decide('RELEASE');
    await house.driver.advance(HOUR);
    await house.decide('VOID');
    expect((await house.read('transactions')).map(({ status }) => status)).toEqual(['HELD', 'VOIDED']);
  });

  test('holds nothing when another bid wins', async () => {
    await using house = await openAuctionHouse();
    await flaggedWinner(house);
    await house.bid('ann', 'PROXY', 20_000);
    await house.driver.advance(HOUR);
    expect(await house.read('transactions')).toMatchObject([{ status: 'PENDING', buyerId: 'ann' }]);
  });
});

describe('a later FlagBid', () => {
  test('is answered once, and holds the settlement at the closing', async () => {
    await using house = await openAuctionHouse();
    await house.list();
    await house.bid('ann', 'PROXY', 3_000);
    const [verdict] = await house.verdicts();
    await house.append(flagOf(verdict), flagOf(verdict));
    expect(await house.read('flagged')).toMatchObject([
      {
        type: 'BidFlagged',
        bidId: verdict?.bidId,
        bidderId: 'ann',
        score: 550_000,
        input: verdict?.input,
        flaggedAt: house.now,
      },
    ]);
    await house.append(flagOf(verdict));
    expect(await house.read('flagged')).toEqual([]);
    expect(await house.read('alerts')).toMatchObject([{ kind: 'BID_FLAGGED' }]);
    await house.driver.advance(HOUR);
    expect(await house.read('transactions')).toMatchObject([{ status: 'HELD' }]);
  });

  test('holds a settlement that is pending already', async () => {
    await using house = await openAuctionHouse();
    await house.list();
    await house.bid('ann', 'PROXY', 3_000);
    const [verdict] = await house.verdicts();
    await house.driver.advance(HOUR);
    await house.append(flagOf(verdict));
    const [pending, held] = await house.read('transactions');
    expect(pending).toMatchObject({ status: 'PENDING', input: verdict?.input });
    expect(held).toMatchObject({ status: 'HELD', input: { topic: 'auction.bids' } });
    expect(held?.input.offset).toBeGreaterThan(verdict?.input.offset ?? Infinity);
    await house.decide('RELEASE');
    await house.append(flagOf(verdict));
    expect((await house.read('transactions')).map(({ status }) => status)).toEqual(['PENDING']);
  });

  test('of a losing bid marks it and holds nothing', async () => {
    await using house = await openAuctionHouse();
    await house.list();
    await house.bid('ann', 'PROXY', 3_000);
    await house.bid('bob', 'PROXY', 4_000);
    const [ann] = await house.verdicts();
    await house.append(flagOf(ann));
    expect(await house.read('flagged')).toHaveLength(1);
    await house.driver.advance(HOUR);
    expect(await house.read('transactions')).toMatchObject([{ status: 'PENDING' }]);
  });

  test('is ignored where there is no such accepted, unflagged bid', async () => {
    await using house = await openAuctionHouse();
    await flaggedWinner(house);
    await house.bid('zed', 'PROXY', 1);
    const [ann, bob, zed] = await house.verdicts();
    await house.read('alerts');
    await house.append(
      flagOf(bob),
      flagOf(zed),
      flagOf(ann, { bidId: 'another' }),
      flagOf(ann, { input: { topic: 'auction.bids', partition: ann?.input.partition ?? 0, offset: 999 } }),
      flagOf(ann, { auctionId: 'unknown' }),
    );
    expect(await house.read('flagged')).toEqual([]);
    expect(await house.read('alerts')).toEqual([]);
  });

  test('of a bid that the ring has lost is believed, but once where it wins', async () => {
    await using house = await openAuctionHouse();
    await house.list();
    await house.bid('ann', 'PROXY', 900_000);
    await house.append(
      ...Array.from({ length: 60 }, (_, i) => house.bidPlaced(`bidder-${i}`, 'PROXY', { amount: 2_000 + 2_000 * i })),
    );
    const [ann] = await house.verdicts();
    await house.append(flagOf(ann), flagOf(ann));
    expect(await house.read('flagged')).toMatchObject([{ type: 'BidFlagged', bidderId: 'ann' }]);
  });
});

test('a held settlement outlives its bids and can be released later', async () => {
  await using house = await openAuctionHouse();
  await flaggedWinner(house);
  await house.driver.advance(HOUR);
  await house.sleep(30 * DAY);
  expect(await house.keys('bid-history')).toEqual([]);
  expect(await house.row<AuctionState>('auctions', 'a')).toMatchObject({
    settlement: 'HELD',
    winningBid: null,
    highest: null,
  });
  await house.bid('zed', 'MANUAL', 90_000);
  expect((await house.verdicts()).at(-1)).toMatchObject({ reason: 'AUCTION_ENDED' });
  await house.decide('RELEASE');
  const transactions = await house.read('transactions');
  expect(transactions.at(-1)).toMatchObject({
    status: 'PENDING',
    sellerId: 'seller',
    buyerId: 'bob',
    finalPrice: 10_000,
  });
  expect(await house.row<AuctionState>('auctions', 'a')).toMatchObject({ settlement: 'PENDING', terms: null });
});
