import { describe, expect, test } from 'vitest';
import type { BidderState } from 'gavel/schemas';
import { DAY, MINUTE, openAuctionHouse, type AuctionHouse } from './auction-house.ts';

/** Auctions of one seller, each lost by bob (against ann) in a fair fight. */
async function lose(house: AuctionHouse, count: number, sellerId = 'seller'): Promise<void> {
  const ids = Array.from({ length: count }, (_, i) => `${sellerId}-${i}`);
  for (const auctionId of ids) await house.list({ auctionId, sellerId, endsAt: house.now + 10 * MINUTE });
  await house.append(...ids.map((auctionId) => house.bidPlaced('bob', 'PROXY', { auctionId, amount: 2_000 })));
  await house.append(...ids.map((auctionId) => house.bidPlaced('ann', 'PROXY', { auctionId, amount: 3_000 })));
  await house.driver.advance(10 * MINUTE);
}

describe('profiles', () => {
  test('add up bids and closings over all auctions', async () => {
    await using house = await openAuctionHouse();
    const start = house.now;
    await lose(house, 3);
    const latest = new Map((await house.read('bidders')).map((profile) => [profile.bidderId, profile]));
    expect(latest.get('bob')).toMatchObject({
      bids: 3,
      auctions: 3,
      closedAuctions: 3,
      won: 0,
      flagged: 0,
      firstBidAt: start,
      rating: null,
    });
    expect(latest.get('ann')).toMatchObject({ bids: 3, auctions: 3, closedAuctions: 3, won: 3 });
    expect(await house.row<BidderState>('bidders', 'bob')).toMatchObject({ heavyAuctions: 3, heavyWon: 0 });
  });

  test('know the user, whichever comes first', async () => {
    await using house = await openAuctionHouse();
    await house.register({ userId: 'bob', rating: 7, registeredAt: 5 });
    expect(await house.read('bidders')).toEqual([]);
    await lose(house, 1);
    const profiles = await house.read('bidders');
    expect(profiles.findLast(({ bidderId }) => bidderId === 'bob')).toMatchObject({
      rating: 7,
      registeredAt: 5,
      bids: 1,
    });
    await house.register({ userId: 'ann', rating: -1 });
    expect(await house.read('bidders')).toMatchObject([{ bidderId: 'ann', rating: -1, bids: 1 }]);
    await house.driver.pipe(house.topics.users, [
      { key: 'ann', value: null },
      { key: null, value: null },
    ]);
    expect(await house.read('bidders')).toMatchObject([{ bidderId: 'ann', rating: null, registeredAt: null, bids: 1 }]);
    expect(await house.deadLetters('users')).toEqual([expect.stringMatching('NULL_KEY')]);
  });

  test('go out once per commit', async () => {
    await using house = await openAuctionHouse();
    await house.list();
    await house.append(...Array.from({ length: 30 }, (_, i) => house.bidPlaced('bob', 'PROXY', { amount: 2_000 + i })));
    const profiles = await house.read('bidders');
    expect(profiles.at(-1)).toMatchObject({ bidderId: 'bob', bids: 30, auctions: 1 });
    expect(profiles.length).toBeLessThan(10);
  });
});

describe('flags by history', () => {
  test('five auctions of one seller without a win: the judge flags the bid and holds what it wins', async () => {
    await using house = await openAuctionHouse();
    await lose(house, 4);
    expect(await house.read('flagged')).toEqual([]);
    await house.list({ auctionId: 'fifth', endsAt: house.now + 10 * MINUTE });
    await house.bid('bob', 'PROXY', 2_000, { auctionId: 'fifth' });
    expect(await house.read('flagged')).toMatchObject([
      {
        type: 'BidFlagged',
        bidderId: 'bob',
        auctionId: 'fifth',
        score: 550_000,
        signals: [{ signal: 'seller-affinity', value: 1_000_000 }],
      },
    ]);
    expect(await house.read('alerts')).toMatchObject([{ kind: 'BID_FLAGGED', auctionId: 'fifth' }]);
    expect(await house.row<BidderState>('bidders', 'bob')).toMatchObject({ flagged: 1 });
    await house.driver.advance(10 * MINUTE);
    const transactions = await house.read('transactions');
    const fifth = transactions.filter(({ auctionId }) => auctionId === 'fifth');
    expect(fifth).toMatchObject([{ status: 'HELD', buyerId: 'bob' }]);
  });

  test('a loser against many sellers is none, until other signals add up', async () => {
    await using house = await openAuctionHouse();
    for (let seller = 0; seller < 6; seller++) await lose(house, 1, `seller-${seller}`);
    expect(await house.read('flagged')).toEqual([]);
    await house.register({ userId: 'bob', registeredAt: house.now - DAY });
    await house.list({ endsAt: house.now + 10 * MINUTE, startPrice: 60_000 });
    await house.driver.advance(10 * MINUTE - 5_000);
    await house.bid('bob', 'PROXY', 90_000);
    const [flag] = await house.read('flagged');
    expect(flag).toMatchObject({ type: 'BidFlagged', score: 661_375 });
    expect(flag?.signals.map(({ signal }) => signal)).toEqual([
      'snipe',
      'seller-affinity',
      'losing-ratio',
      'new-account',
    ]);
  });

  test('a bid that its verdict flagged is not flagged again', async () => {
    await using house = await openAuctionHouse();
    await lose(house, 4);
    await house.list({ auctionId: 'fifth' });
    await house.bid('ann', 'PROXY', 1_000, { auctionId: 'fifth' });
    await house.bid('bob', 'MANUAL', 20_000, { auctionId: 'fifth' });
    expect(await house.read('flagged')).toMatchObject([{ type: 'BidVerdict', bidderId: 'bob' }]);
    expect(await house.row<BidderState>('bidders', 'bob')).toMatchObject({ flagged: 1, bids: 5 });
  });

  test('a cancelled auction counts as closed, but against nobody', async () => {
    await using house = await openAuctionHouse();
    await house.list();
    await house.bid('bob', 'PROXY', 2_000);
    await house.close('CANCELLED');
    expect(await house.row<BidderState>('bidders', 'bob')).toMatchObject({
      closedAuctions: 1,
      won: 0,
      heavyAuctions: 0,
    });
  });
});
