import { expect, test } from 'vitest';
import { HOUR, openAuctionHouse } from './auction-house.ts';
import type { AuctionTopics } from '../../../topology/topics.ts';

/** PROXY maxima that no price comes near to. */
const CANARIES = [77_777_777, 66_666_666, 55_555_555];

const OUTPUTS = [
  'validated',
  'flagged',
  'rejected',
  'prices',
  'transactions',
  'bidders',
  'alerts',
] as const satisfies readonly (keyof AuctionTopics)[];

test('a PROXY maximum is in no output, whatever becomes of the bid', async () => {
  await using house = await openAuctionHouse();
  await house.list({ reservePrice: 2_000 });
  await house.bid('ann', 'PROXY', 77_777_777);
  await house.bid('bob', 'MANUAL', 5_000);
  await house.bid('ann', 'PROXY', 66_666_666);
  await house.bid('cyd', 'PROXY', 55_555_555, { currency: 'EUR' });
  await house.bid('seller', 'PROXY', 55_555_555);
  await house.bid('cyd', 'PROXY', 55_555_555, { auctionId: 'unknown' });
  for (const amount of [9_000, 20_000, 40_000]) await house.bid('bob', 'SNIPE', amount);
  await house.driver.advance(HOUR);
  await house.sell({ amount: 40_500 });
  await house.bid('dan', 'PROXY', 55_555_555);

  let records = 0;
  for (const name of OUTPUTS) {
    const values = await house.read(name);
    records += values.length;
    const text = JSON.stringify(values);
    expect([name, ...CANARIES.filter((canary) => text.includes(String(canary)))]).toEqual([name]);
  }
  expect(records).toBeGreaterThan(20);
  expect(JSON.stringify(await house.read('bids'))).toContain('77777777');
});
