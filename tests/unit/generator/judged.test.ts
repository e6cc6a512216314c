import { describe, expect, it } from 'vitest';
import type { AuctionState, BidHistory } from 'gavel/schemas';
import type { ShillKind } from '../../../generator/population.ts';
import { NO_FAULTS } from '../../../generator/faults.ts';
import { simulate } from '../../../generator/market.ts';
import { MARKET_PROFILES } from '../../../generator/profile.ts';
import { seededRandom } from '../../../generator/random.ts';
import { judgeBid } from '../../../topology/judgement.ts';
import { openAuction } from '../../../topology/listing.ts';
import { DEFAULT_WEIGHTS } from '../../../topology/weights.ts';

interface Tally {
  honest: number;
  refused: number;
  honestFlagged: number;
  /** Auctions with shills by kind, and those of them in which a shill was flagged by the auction's own signals. */
  readonly shilled: Map<string, ShillKind>;
  readonly caught: Set<string>;
}

/** A market judged by the real rules, auction by auction. */
function judgeMarket(bids: number): Tally {
  const market = {
    seed: 'judged',
    run: 0,
    users: 1_000,
    profile: MARKET_PROFILES.house,
    supply: { kind: 'fixed', auctions: bids / 20, bids, spanMs: 30 * 86_400_000 },
    opensAt: 0,
    since: 0,
    announceMs: 0,
    shills: 0.03,
    faults: NO_FAULTS,
  } as const;
  const auctions = new Map<string, AuctionState>();
  const histories = new Map<string, BidHistory>();
  const tally: Tally = { honest: 0, refused: 0, honestFlagged: 0, shilled: new Map(), caught: new Set() };
  let offset = 0;
  for (const event of simulate(market, seededRandom('judged'))) {
    if (event.type === 'listing') {
      auctions.set(event.item.auctionId, openAuction({ ...event.item, type: 'Listing' }, event.at));
    }
    if (event.type !== 'bid') continue;
    const { auctionId, bidderId } = event.bid;
    const key = `${auctionId} ${bidderId}`;
    const place = { topic: 'auction.bids', partition: 0, offset: offset++ };
    const record = { key: auctionId, value: event.bid, timestamp: event.at, headers: [], ...place };
    const judged = judgeBid(auctions.get(auctionId), histories.get(key), record, DEFAULT_WEIGHTS);
    if (judged.auction !== undefined) auctions.set(auctionId, judged.auction);
    if (judged.history !== undefined) histories.set(key, judged.history);
    const flagged = judged.verdict.score > DEFAULT_WEIGHTS.flagAbove;
    if (judged.verdict.outcome === 'REJECTED') tally.refused++;
    if (event.shill === null) {
      tally.honest++;
      if (flagged) tally.honestFlagged++;
    } else {
      tally.shilled.set(auctionId, event.shill);
      if (flagged) tally.caught.add(auctionId);
    }
  }
  return tally;
}

describe('the market before the judge', () => {
  const tally = judgeMarket(60_000);

  it('has most bids accepted', () => {
    expect(tally.refused / 60_000).toBeLessThan(0.03);
    expect(tally.refused).toBeGreaterThan(0);
  });

  it('has honest bidders who look honest, though not all of them all the time', () => {
    expect(tally.honestFlagged / tally.honest).toBeLessThan(0.02);
    expect(tally.honestFlagged).toBeGreaterThan(0);
  });

  const shilledBy = (kind: ShillKind): readonly string[] =>
    [...tally.shilled].filter(([, each]) => each === kind).map(([auctionId]) => auctionId);

  it.each(['self-raising', 'ring'] as const)(
    'has shills (%s) of whom the signals of one auction catch some and miss some',
    (kind) => {
      const auctions = shilledBy(kind);
      const caught = auctions.filter((auctionId) => tally.caught.has(auctionId));
      expect(caught.length).toBeGreaterThan(auctions.length * 0.1);
      expect(caught.length).toBeLessThan(auctions.length);
    },
  );

  it('has alternating pairs, whom only their history can give away', () => {
    const auctions = shilledBy('alternating-pair');
    expect(auctions.length).toBeGreaterThan(10);
    expect(auctions.filter((auctionId) => tally.caught.has(auctionId)).length).toBeLessThan(auctions.length * 0.5);
  });
});
