import { describe, expect, test } from 'vitest';
import type { BidType } from 'gavel/schemas';
import { Saleroom } from './saleroom.ts';

type Bid = readonly [bidder: string, bidType: BidType, amount: number, price: number, leader: string];

/** What is seen of each bid, and the room after them. */
function play(reservePrice: number | null, bids: readonly Bid[]): { readonly seen: Bid[]; readonly room: Saleroom } {
  const room = new Saleroom({ reservePrice });
  const seen = bids.map(([bidder, bidType, amount]): Bid => {
    const { outcome, newPrice, leads } = room.bid(bidder, bidType, amount);
    const leader = room.auction?.leader ?? '';
    const consistent = outcome === 'ACCEPTED' && leads === (leader === bidder) && newPrice === room.auction?.price;
    return [bidder, bidType, amount, consistent ? newPrice : NaN, leader];
  });
  return { seen, room };
}

describe('the public price', () => {
  test('follows the seven examples of the rules', () => {
    const bids: readonly Bid[] = [
      ['A', 'PROXY', 5_000, 1_000, 'A'],
      ['B', 'MANUAL', 2_000, 2_050, 'A'],
      ['B', 'PROXY', 5_000, 5_000, 'A'],
      ['A', 'PROXY', 6_000, 5_100, 'A'],
      ['C', 'MANUAL', 7_000, 7_000, 'C'],
      ['C', 'PROXY', 9_000, 7_000, 'C'],
      ['D', 'PROXY', 8_000, 8_100, 'C'],
    ];
    const { seen } = play(null, bids);
    expect(seen).toEqual(bids);
  });

  test('jumps to the reserve once the highest maximum meets it', () => {
    const bids: readonly Bid[] = [
      ['A', 'PROXY', 3_000, 1_000, 'A'],
      ['A', 'PROXY', 4_500, 4_000, 'A'],
    ];
    const { seen, room } = play(4_000, bids);
    expect(seen).toEqual(bids);
    expect(room.auction?.highest).toBe(4_500);
  });

  test('rises when a leader raises while capped by the own maximum', () => {
    const bids: readonly Bid[] = [
      ['A', 'PROXY', 2_010, 1_000, 'A'],
      ['B', 'PROXY', 2_000, 2_010, 'A'],
      ['A', 'PROXY', 3_000, 2_050, 'A'],
    ];
    const { seen } = play(null, bids);
    expect(seen).toEqual(bids);
  });

  test('is the open amount of a leader who raises openly', () => {
    const bids: readonly Bid[] = [
      ['A', 'MANUAL', 1_500, 1_500, 'A'],
      ['A', 'SNIPE', 2_500, 2_500, 'A'],
    ];
    const { seen } = play(null, bids);
    expect(seen).toEqual(bids);
  });

  test('takes the maximum of the leader who was overtaken as the second', () => {
    const bids: readonly Bid[] = [
      ['A', 'PROXY', 5_000, 1_000, 'A'],
      ['B', 'PROXY', 8_000, 5_100, 'B'],
      ['A', 'PROXY', 7_000, 7_100, 'B'],
      ['A', 'PROXY', 9_000, 8_100, 'A'],
    ];
    const { seen, room } = play(null, bids);
    expect(seen).toEqual(bids);
    expect(room.auction).toMatchObject({ highest: 9_000, second: 8_000, openMaximum: null });
  });
});
