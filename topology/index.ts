/** The auction platform as one value: what is read, what judges it, what comes out. */

import { repartition, sink, source, stringSerde, topology, type Topology } from 'gavel/streams';
import { bidders } from './bidders.ts';
import { KEEP_CLOSED_DAYS } from './closing.ts';
import { copyListings } from './copy-listings.ts';
import { judge } from './judge.ts';
import { payments } from './payments.ts';
import { PLATFORM_FEE_MILLIONTHS } from './settlement.ts';
import { internalSerdes, type AuctionTopics, type RecordSerdes } from './topics.ts';
import { DEFAULT_WEIGHTS, type Weights } from './weights.ts';

export interface AuctionOptions {
  readonly topics: AuctionTopics;
  /** For the internal topics; those that made the topics. */
  readonly serdes: RecordSerdes;
  readonly weights?: Weights;
  /** The platform's part of a price. Default 100,000 (10 %). */
  readonly platformFeeMillionths?: number;
  /** Days that the row of a closed auction is kept, 7 at least. Default 90. */
  readonly keepClosedDays?: number;
}

/** The whole topology: four sub-topologies, of which only `judge` decides, from one topic. */
export function auctionTopology(options: AuctionOptions): Topology {
  const { topics, weights = DEFAULT_WEIGHTS, platformFeeMillionths = PLATFORM_FEE_MILLIONTHS } = options;
  const { keepClosedDays = KEEP_CLOSED_DAYS } = options;
  const { validated, flagged, rejected, alerts } = topics;
  const internal = internalSerdes(options.serdes);
  const key = stringSerde;

  const { listings, alerts: badListings } = copyListings(source({ name: 'items', topic: topics.items }).out).out;
  const log = source({ name: 'bids', topic: topics.bids, clock: true });
  const judged = judge(log.out, { weights, platformFeeMillionths, keepClosedDays }).out;
  const events = repartition({ name: 'bidder-events', from: [judged.facts], key, value: internal.bidderEvents });
  const settled = repartition({ name: 'settlements', from: [judged.settlements], key, value: internal.settlements });
  const users = source({ name: 'users', topic: topics.users });
  const { profiles, flags } = bidders([events.out, users.out], weights).out;
  const pos = source({ name: 'pos', topic: topics.pos });
  const paid = payments([settled.out, pos.out], keepClosedDays).out;

  const verdicts = sink({
    name: 'verdicts',
    from: [judged.verdicts, judged.flags],
    topic: [validated, flagged, rejected],
    route: (_auctionId, verdict) => {
      if (verdict.type === 'BidFlagged') return flagged;
      if (verdict.outcome !== 'ACCEPTED') return rejected;
      return verdict.score > weights.flagAbove ? flagged : validated;
    },
  });
  return topology({
    listings: [
      sink({ name: 'listings', from: [listings], topic: topics.bids, feedback: true }),
      sink({ name: 'listing-alerts', from: [badListings], topic: alerts }),
    ],
    judge: [
      verdicts,
      sink({ name: 'prices', from: [judged.prices], topic: topics.prices }),
      sink({ name: 'settled', from: [judged.settlements], topic: topics.transactions }),
      sink({ name: 'auction-alerts', from: [judged.alerts], topic: alerts }),
      events,
      settled,
    ],
    bidders: [
      sink({ name: 'profiles', from: [profiles], topic: topics.bidders }),
      sink({ name: 'flags', from: [flags], topic: topics.bids, feedback: true }),
    ],
    payments: [
      sink({ name: 'paid', from: [paid.transactions], topic: topics.transactions }),
      sink({ name: 'payment-alerts', from: [paid.alerts], topic: alerts }),
    ],
  });
}
