/** The bidders: each one's history over all auctions, its profile, and flags for bids that this history makes suspicious. */

import type { BidderBid, BidderClosing, BidderProfile, BidderSeller, BidderState, FlagBid, User } from 'gavel/schemas';
import {
  port,
  processor,
  type Edge,
  type KeyValueStore,
  type Processor,
  type ProcessorContext,
  type StreamRecord,
} from 'gavel/streams';
import { allSignals, isHeavy } from './fraud-bidder.ts';
import { scoreOf } from './fraud-local.ts';
import type { PortTypes } from './judge-context.ts';
import { bidderStores, type BidderStores } from './state.ts';
import type { Weights } from './weights.ts';

const bidderPorts = { profiles: port<string, BidderProfile>(), flags: port<string, FlagBid>() };

type BidderContext = ProcessorContext<PortTypes<typeof bidderPorts>, BidderStores>;

export type BidderEvent = BidderBid | BidderClosing | User;

/** The step behind the judge that knows each bidder over all auctions. */
export function bidders(from: readonly Edge<string, BidderEvent>[], weights: Weights) {
  return processor({
    name: 'bidders',
    from,
    ports: bidderPorts,
    stores: bidderStores(),
    create: (context) => new Bidders(context, weights),
  });
}

/** Keyed by bidderId, which is a userId. The profile of a bidder goes out once per epoch, however often it changed. */
class Bidders implements Processor<string, BidderEvent> {
  readonly #context: BidderContext;
  readonly #weights: Weights;
  readonly #bidders: KeyValueStore<string, BidderState>;
  readonly #sellers: KeyValueStore<string, BidderSeller>;
  /** Bidders whose profile changed since the last cut. */
  readonly #changed = new Set<string>();

  constructor(context: BidderContext, weights: Weights) {
    this.#context = context;
    this.#weights = weights;
    this.#bidders = context.stores.bidders;
    this.#sellers = context.stores.sellers;
  }

  process(record: StreamRecord<string, BidderEvent>): void {
    const { key, value, timestamp } = record;
    if (key === null) return this.#context.deadLetter('NULL_KEY', 'a user needs the userId as its key');
    const bidder = this.#bidders.get(key) ?? NEW_BIDDER;
    const updatedAt = Math.max(bidder.updatedAt, timestamp);
    if (value === null) this.#put(key, { ...bidder, rating: null, registeredAt: null, updatedAt });
    else if (value.type === 'User') {
      this.#put(key, { ...bidder, rating: value.rating, registeredAt: value.registeredAt, updatedAt });
    } else if (value.type === 'BidderBid') this.#bid({ ...bidder, updatedAt }, value);
    else this.#closing({ ...bidder, updatedAt }, value);
  }

  flush(): void {
    for (const bidderId of this.#changed) {
      const bidder = this.#bidders.get(bidderId);
      if (bidder === undefined || bidder.bids === 0) continue;
      this.#context.forward('profiles', bidderId, profileOf(bidderId, bidder), { timestamp: bidder.updatedAt });
    }
    this.#changed.clear();
  }

  rollback(): void {
    this.#changed.clear();
  }

  #bid(before: BidderState, bid: BidderBid): void {
    const { bidderId, decidedAt } = bid;
    const seller = this.#withSeller(bid);
    const bidder: BidderState = {
      ...before,
      bids: before.bids + 1,
      auctions: before.auctions + (bid.firstInAuction ? 1 : 0),
      firstBidAt: before.bids === 0 ? decidedAt : Math.min(before.firstBidAt, decidedAt),
      lastBidAt: Math.max(before.lastBidAt, decidedAt),
    };
    const flagged = bid.score > this.#weights.flagAbove || this.#flag(bidder, seller, bid);
    this.#put(bidderId, flagged ? { ...bidder, flagged: bidder.flagged + 1 } : bidder);
  }

  #withSeller({ bidderId, sellerId, firstInAuction }: BidderBid): BidderSeller {
    const key = sellerKey(bidderId, sellerId);
    const seller = this.#sellers.get(key) ?? NEW_SELLER;
    if (!firstInAuction) return seller;
    const after = { ...seller, auctions: seller.auctions + 1 };
    this.#sellers.put(key, after);
    return after;
  }

  /** Asks the judge to flag a bid that is suspicious by its bidder's history. */
  #flag(bidder: BidderState, seller: BidderSeller, bid: BidderBid): boolean {
    const signals = allSignals(bidder, seller, bid, this.#weights);
    if (signals === bid.signals) return false;
    const score = scoreOf(signals, this.#weights);
    if (score <= this.#weights.flagAbove) return false;
    const { bidId, auctionId, bidderId, input } = bid;
    const weightsVersion = this.#weights.version;
    this.#context.forward('flags', auctionId, {
      type: 'FlagBid',
      bidId,
      auctionId,
      bidderId,
      input,
      score,
      signals,
      weightsVersion,
    });
    return true;
  }

  #closing(before: BidderState, closing: BidderClosing): void {
    const { bidderId, sellerId } = closing;
    const won = closing.won ? 1 : 0;
    const heavy = isHeavy(closing, this.#weights) ? 1 : 0;
    if (closing.won) {
      const key = sellerKey(bidderId, sellerId);
      const seller = this.#sellers.get(key) ?? NEW_SELLER;
      this.#sellers.put(key, { ...seller, won: seller.won + 1 });
    }
    this.#put(bidderId, {
      ...before,
      closedAuctions: before.closedAuctions + 1,
      won: before.won + won,
      heavyAuctions: before.heavyAuctions + heavy,
      heavyWon: before.heavyWon + heavy * won,
    });
  }

  #put(bidderId: string, bidder: BidderState): void {
    this.#bidders.put(bidderId, bidder);
    this.#changed.add(bidderId);
  }
}

const NEW_BIDDER: BidderState = Object.freeze({
  bids: 0,
  auctions: 0,
  closedAuctions: 0,
  won: 0,
  heavyAuctions: 0,
  heavyWon: 0,
  flagged: 0,
  firstBidAt: 0,
  lastBidAt: 0,
  rating: null,
  registeredAt: null,
  updatedAt: 0,
});

const NEW_SELLER: BidderSeller = Object.freeze({ auctions: 0, won: 0 });

function sellerKey(bidderId: string, sellerId: string): string {
  return `${bidderId}\0${sellerId}`;
}

function profileOf(bidderId: string, bidder: BidderState): BidderProfile {
  const { bids, auctions, closedAuctions, won, flagged, firstBidAt, lastBidAt, rating, registeredAt, updatedAt } =
    bidder;
  return {
    type: 'BidderProfile',
    bidderId,
    bids,
    auctions,
    closedAuctions,
    won,
    flagged,
    firstBidAt,
    lastBidAt,
    rating,
    registeredAt,
    updatedAt,
  };
}
