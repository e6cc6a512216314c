import { describe, expect, test } from 'vitest';
import type { BidType } from 'gavel/schemas';
import { Saleroom } from './saleroom.ts';

type Bid = readonly [bidder: string, bidType: BidType, amount: number, price: number, leader: string];

function expectPrices(reservePrice: number | null, bids: readonly Bid[]): Saleroom {
  const room = new Saleroom({ reservePrice });
  for (const [bidder, bidType, amount, price, leader] of bids) {
    const before = room.auction?.price;
    const verdict = room.bid(bidder, bidType, amount);
    expect(verdict).toMatchObject({
      outcome: 'ACCEPTED',
      previousPrice: before,
      newPrice: price,
      leads: leader === bidder,
    });
    expect(room.auction).toMatchObject({ price, leader });
  }
  return room;
}

describe('the public price', () => {
  test('follows the seven examples of the rules', () => {
    expectPrices(null, [
      ['A', 'PROXY', 5_000, 1_000, 'A'],
      ['B', 'MANUAL', 2_000, 2_050, 'A'],
      ['B', 'PROXY', 5_000, 5_000, 'A'],
      ['A', 'PROXY', 6_000, 5_100, 'A'],
      ['C', 'MANUAL', 7_000, 7_000, 'C'],
      ['C', 'PROXY', 9_000, 7_000, 'C'],
      ['D', 'PROXY', 8_000, 8_100, 'C'],
    ]);
  });

  test('jumps to the reserve once the highest maximum meets it', () => {
    const room = expectPrices(4_000, [
      ['A', 'PROXY', 3_000, 1_000, 'A'],
      ['A', 'PROXY', 4_500, 4_000, 'A'],
    ]);
    expect(room.auction?.highest).toBe(4_500);
  });

  test('rises when a leader raises while capped by the own maximum', () => {
    expectPrices(null, [
      ['A', 'PROXY', 2_010, 1_000, 'A'],
      ['B', 'PROXY', 2_000, 2_010, 'A'],
      ['A', 'PROXY', 3_000, 2_050, 'A'],
    ]);
  });

  test('is the open amount of a leader who raises openly', () => {
    expectPrices(null, [
      ['A', 'MANUAL', 1_500, 1_500, 'A'],
      ['A', 'SNIPE', 2_500, 2_500, 'A'],
    ]);
  });

  test('takes the maximum of the leader who was overtaken as the second', () => {
    const room = expectPrices(null, [
      ['A', 'PROXY', 5_000, 1_000, 'A'],
      ['B', 'PROXY', 8_000, 5_100, 'B'],
      ['A', 'PROXY', 7_000, 7_100, 'B'],
      ['A', 'PROXY', 9_000, 8_100, 'A'],
    ]);
    expect(room.auction).toMatchObject({ highest: 9_000, second: 8_000, openMaximum: null });
  });
});
