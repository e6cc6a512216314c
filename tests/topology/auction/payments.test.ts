import { describe, expect, test } from 'vitest';
import type { PaymentState } from 'gavel/schemas';
import { DAY, HOUR, openAuctionHouse, type AuctionHouse } from './auction-house.ts';

/** Ann buys auction `a` for 20.50. */
async function sold(house: AuctionHouse): Promise<void> {
  await house.list();
  await house.bid('ann', 'PROXY', 5_000);
  await house.bid('bob', 'PROXY', 2_000);
  await house.driver.advance(HOUR);
  await house.read('transactions');
}

async function states(house: AuctionHouse): Promise<string[]> {
  return (await house.read('transactions')).map(({ status, input }) => `${status} by ${input.topic}`);
}

describe('a sale', () => {
  test('pays, and ships later', async () => {
    await using house = await openAuctionHouse();
    await sold(house);
    await house.sell({ amount: 2_050, paidAt: 7 });
    expect(await house.read('transactions')).toMatchObject([
      {
        status: 'PAID',
        txnId: 'txn-a',
        saleId: 'sale',
        paidAt: 7,
        shippedAt: null,
        finalPrice: 2_050,
        input: { topic: 'auction.pos' },
      },
    ]);
    await house.sell({ amount: 2_050, paidAt: 7 });
    expect(await house.read('transactions')).toEqual([]);
    await house.sell({ amount: 2_050, paidAt: 7, shippedAt: 9 });
    expect(await house.read('transactions')).toMatchObject([{ status: 'COMPLETED', paidAt: 7, shippedAt: 9 }]);
    expect(await house.read('alerts')).toEqual([]);
  });

  test('waits for its settlement', async () => {
    await using house = await openAuctionHouse();
    await house.sell({ amount: 2_050, shippedAt: 9 });
    expect(await house.read('transactions')).toEqual([]);
    await house.list();
    await house.bid('ann', 'PROXY', 5_000);
    await house.bid('bob', 'PROXY', 2_000);
    await house.driver.advance(HOUR);
    expect(await states(house)).toEqual(['PENDING by auction.bids', 'COMPLETED by auction.pos']);
  });

  test.each([
    ['another amount', { amount: 2_000 }, /paid 2000 USD in minor units, but 2050 USD is owed/],
    ['another currency', { amount: 2_050, currency: 'EUR' }, /paid 2050 EUR/],
    ['an amount out of range', { amount: 2n ** 60n }, /out of range/],
  ])('of %s raises an alert and pays nothing', async (_name, sale, message) => {
    await using house = await openAuctionHouse();
    await sold(house);
    await house.sell(sale);
    expect(await house.read('alerts')).toMatchObject([
      { kind: 'PAYMENT_MISMATCH', severity: 'CRITICAL', message: expect.stringMatching(message) },
    ]);
    expect(await house.read('transactions')).toEqual([]);
    await house.sell({ amount: 2_050 });
    expect(await states(house)).toEqual(['PAID by auction.pos']);
  });

  test('that waited with another amount does not count either', async () => {
    await using house = await openAuctionHouse();
    await house.sell({ amount: 1 });
    await sold(house);
    expect(await house.read('alerts')).toMatchObject([{ kind: 'PAYMENT_MISMATCH', input: { topic: 'auction.pos' } }]);
    await house.sell({ saleId: 'right', amount: 2_050 });
    expect(await house.read('transactions')).toMatchObject([{ status: 'PAID', saleId: 'right' }]);
  });

  test('cannot be made twice nor change', async () => {
    await using house = await openAuctionHouse();
    await sold(house);
    await house.sell({ amount: 2_050 });
    await house.sell({ amount: 2_050, saleId: 'second' });
    await house.sell({ amount: 2_051, shippedAt: 9 });
    expect(await states(house)).toEqual(['PAID by auction.pos']);
    expect((await house.read('alerts')).map(({ message }) => message)).toEqual([
      'A second sale, "second", would pay what "sale" paid.',
      'The sale "sale" changed its amount.',
    ]);
  });
});

describe('a held settlement', () => {
  async function held(house: AuctionHouse): Promise<void> {
    await house.list();
    await house.bid('ann', 'PROXY', 1_000);
    await house.bid('bob', 'MANUAL', 10_000);
    await house.driver.advance(HOUR);
    await house.read('alerts');
  }

  test('takes the payment, which counts once it is released', async () => {
    await using house = await openAuctionHouse();
    await held(house);
    await house.sell({ amount: 10_000 });
    await house.decide('RELEASE');
    expect(await states(house)).toEqual([
      'HELD by auction.bids',
      'HELD by auction.pos',
      'PENDING by auction.bids',
      'PAID by auction.pos',
    ]);
  });

  test('that is voided after its payment, or before, raises an alert', async () => {
    await using house = await openAuctionHouse();
    await held(house);
    await house.sell({ amount: 10_000 });
    await house.decide('VOID');
    expect((await house.read('transactions')).at(-1)).toMatchObject({ status: 'VOIDED', saleId: 'sale' });
    await house.sell({ amount: 10_000, saleId: 'late' });
    expect((await house.read('alerts')).map(({ message }) => message)).toEqual([
      'The sale "sale" pays a transaction that was voided.',
      'A second sale, "late", would pay what "sale" paid.',
    ]);
  });
});

test('what nobody completes goes after 90 days, with an alert for a payment without a settlement', async () => {
  await using house = await openAuctionHouse();
  await house.sell({ auctionId: 'nowhere' });
  await sold(house);
  await house.sleep(91 * DAY);
  // Time moves with records only.
  for (let i = 0; i < 30; i++) await house.sell({ auctionId: `other-${i}` });
  expect(await house.row<PaymentState>('payments', 'a')).toBeUndefined();
  expect(await house.row<PaymentState>('payments', 'nowhere')).toBeUndefined();
  expect(await house.read('alerts')).toMatchObject([
    { auctionId: 'nowhere', message: 'A sale was never matched by a settlement.' },
  ]);
});

test('a sale without a key, a value or a fitting key is a dead letter', async () => {
  await using house = await openAuctionHouse();
  const value = {
    type: 'PosSale',
    saleId: 's',
    auctionId: 'a',
    amount: 1,
    currency: 'USD',
    method: 'card',
    paidAt: 0,
    shippedAt: null,
  } as const;
  await house.driver.pipe(house.topics.pos, [
    { key: null, value },
    { key: 'a', value: null },
    { key: 'b', value },
  ]);
  expect(await house.deadLetterReasons('pos')).toEqual(['KEY_MISMATCH', 'NULL_KEY', 'NULL_VALUE']);
});
