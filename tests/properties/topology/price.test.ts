import { expect, test } from 'vitest';
import fc from 'fast-check';
import type { BidType } from 'gavel/schemas';
import { incrementsOf } from '../../../topology/increments.ts';
import { priceOfBids, type PlacedAmount } from '../../../topology/price.ts';
import { Saleroom } from '../../unit/topology/saleroom.ts';

const BID_TYPES: readonly BidType[] = ['MANUAL', 'PROXY', 'SNIPE'];
const STEPS = 120_000;
const STEPS_PER_AUCTION = 40;

interface Step {
  readonly bidder: number;
  readonly bidType: BidType;
  /** What is added to a point of reference: the price, the leader's maximum, the reserve, or nothing. */
  readonly base: 'price' | 'highest' | 'reserve' | 'zero';
  readonly extra: number;
}

const step: fc.Arbitrary<Step> = fc.record({
  bidder: fc.integer({ min: 0, max: 4 }),
  bidType: fc.constantFrom(...BID_TYPES),
  base: fc.constantFrom('price', 'highest', 'reserve', 'zero'),
  extra: fc.oneof(
    fc.integer({ min: -60, max: 600 }),
    fc.constantFrom(0, 1, 5, 25, 50),
    fc.integer({ min: 0, max: 300_000 }),
  ),
});

const auction = fc.record({
  currency: fc.constantFrom('USD', 'JPY', 'KWD'),
  startPrice: fc.constantFrom(0, 1, 99, 1_000, 49_999),
  reservePrice: fc.constantFrom(null, 500, 1_000, 4_000, 100_000),
  steps: fc.array(step, { minLength: STEPS_PER_AUCTION, maxLength: STEPS_PER_AUCTION }),
});

test('the price of each step is the price by definition, never falls, and the leader has the highest maximum', () => {
  let steps = 0;
  let accepted = 0;
  fc.assert(
    fc.property(auction, ({ steps: bids, ...listing }) => {
      const room = new Saleroom(listing);
      const placed: PlacedAmount[] = [];
      const maxima = new Map<string, number>();
      for (const { bidder, bidType, base, extra } of bids) {
        const before = room.auction;
        if (before === undefined) throw new Error('the auction is gone');
        const from = { price: before.price, highest: before.highest ?? 0, reserve: listing.reservePrice ?? 0, zero: 0 }[
          base
        ];
        const bidderId = `bidder-${bidder}`;
        const verdict = room.bid(bidderId, bidType, from + extra);
        steps++;
        if (verdict.outcome === 'ACCEPTED') {
          accepted++;
          placed.push({ bidderId, amount: from + extra, bidType });
          maxima.set(bidderId, Math.max(maxima.get(bidderId) ?? 0, from + extra));
        }
        expect(verdict.newPrice).toBe(priceOfBids(listing, placed, incrementsOf(listing.currency)));
        expect(verdict.newPrice).toBeGreaterThanOrEqual(before.price);
        const after = room.auction;
        expect(after?.leader ?? null).toBe(leaderOf(placed));
        expect(after?.highest ?? 0).toBe(Math.max(0, ...maxima.values()));
        expect(room.histories.get(bidderId)?.maximum).toBe(maxima.get(bidderId) ?? 0);
      }
      expect(room.auction).toMatchObject({ accepted: placed.length, rejected: bids.length - placed.length });
    }),
    { numRuns: STEPS / STEPS_PER_AUCTION, seed: 20_260_101 },
  );
  expect(steps).toBeGreaterThanOrEqual(100_000);
  expect(accepted).toBeGreaterThan(steps / 4);
});

/** The bidder of the earliest of the highest amounts. */
function leaderOf(placed: readonly PlacedAmount[]): string | null {
  let leading: PlacedAmount | undefined;
  for (const bid of placed) if (leading === undefined || bid.amount > leading.amount) leading = bid;
  return leading?.bidderId ?? null;
}
