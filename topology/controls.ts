/** The records of the log that are no bids: listings, closings on request, later flags, decisions on held settlements. */

import type { AuctionState, BidPlaced, CloseAuction, FlagBid, Listing, SettleHold } from 'gavel/schemas';
import type { StreamRecord } from 'gavel/streams';
import { alertOf, flagAlert, inputOf } from './alerts.ts';
import { isForgotten, shrunk } from './closing.ts';
import { currentPriceOf } from './current-price.ts';
import { strongestSignal } from './fraud-local.ts';
import type { JudgeContext } from './judge-context.ts';
import type { Lifecycle } from './lifecycle.ts';
import { listingFault, openAuction, relist, relistedAuction } from './listing.ts';
import { bidCount, recentBidKey, RING_SIZE } from './recent-bids.ts';
import { decided } from './settlement.ts';
import type { LogRecord } from './topics.ts';
import type { Weights } from './weights.ts';

type Control = Exclude<LogRecord, BidPlaced>;
type ControlRecord = StreamRecord<string, LogRecord>;

export class Controls {
  readonly #context: JudgeContext;
  readonly #stores: JudgeContext['stores'];
  readonly #lifecycle: Lifecycle;
  readonly #weights: Weights;

  constructor(context: JudgeContext, lifecycle: Lifecycle, weights: Weights) {
    this.#context = context;
    this.#stores = context.stores;
    this.#lifecycle = lifecycle;
    this.#weights = weights;
  }

  process(record: ControlRecord, control: Control): void {
    switch (control.type) {
      case 'Listing':
        return this.#list(record, control);
      case 'CloseAuction':
        return this.#close(record, control);
      case 'FlagBid':
        return this.#flag(record, control);
      case 'SettleHold':
        return this.#settle(record, control);
    }
  }

  /** Opens an auction. The same listing again is ignored, one that comes too late or makes no sense is dead-lettered. */
  #list(record: ControlRecord, listing: Listing): void {
    const known = this.#stores.auctions.get(listing.auctionId);
    const change = known === undefined ? 'new' : relist(known, listing);
    if (change === 'same') return;
    const fault =
      change === 'too-late' ? 'the listing changed after the first accepted bid or the closing' : listingFault(listing);
    if (fault !== undefined) {
      this.#context.deadLetter('LISTING_REFUSED', fault);
      this.#alert(record, 'LISTING_REFUSED', `A listing was refused: ${fault}.`);
      return;
    }
    const time = record.timestamp;
    const auction = known === undefined ? openAuction(listing, time) : relistedAuction(known, listing, time);
    this.#lifecycle.put(auction);
    this.#context.forward('prices', auction.auctionId, currentPriceOf(auction, time));
  }

  /** Closes a BATCH auction, cancels either; on any other it is ignored and counted. */
  #close(record: ControlRecord, { auctionId, reason }: CloseAuction): void {
    const auction = this.#stores.auctions.get(auctionId);
    const cancelled = reason === 'CANCELLED';
    if (auction?.closedAt === null && (cancelled || auction.terms?.channel === 'BATCH')) {
      this.#lifecycle.close(auction, record.timestamp, cancelled);
      return;
    }
    const why = auction === undefined ? 'unknown' : auction.closedAt === null ? 'LIVE' : 'closed already';
    this.#ignore(record);
    this.#alert(record, 'CLOSE_IGNORED', `A CloseAuction was ignored: the auction is ${why}.`);
  }

  /** Answers a flag once, and holds the settlement if the bid wins. */
  #flag(record: ControlRecord, flag: FlagBid): void {
    const auction = this.#stores.auctions.get(flag.auctionId);
    if (auction === undefined || isForgotten(auction) || !this.#mark(auction, flag)) return this.#ignore(record);
    const { bidId, auctionId, bidderId, score, signals, weightsVersion, input } = flag;
    const flaggedAt = record.timestamp;
    this.#context.forward('flags', auctionId, {
      type: 'BidFlagged',
      bidId,
      auctionId,
      bidderId,
      score,
      signals,
      weightsVersion,
      input,
      flaggedAt,
    });
    this.#context.forward('alerts', auctionId, flagAlert(flag, flaggedAt));
    this.#context.count('fraud_flags_total', { signal: strongestSignal(signals, this.#weights) });
    if (auction.winningBid?.offset === input.offset) this.#hold(record, auction);
  }

  /** The winning bid is flagged: it will be held when the auction closes, or is now. */
  #hold(record: ControlRecord, auction: AuctionState): void {
    const pending = auction.settlement === 'PENDING';
    const winningBid = auction.winningBid && { ...auction.winningBid, flagged: true };
    const after: AuctionState = { ...auction, winningBid, settlement: pending ? 'HELD' : auction.settlement };
    this.#stores.auctions.put(auction.auctionId, after);
    if (pending) this.#lifecycle.settle(after, inputOf(record), record.timestamp);
  }

  /** Marks an accepted bid as flagged; false where it is already or is none. Older ones than the ring holds are believed. */
  #mark(auction: AuctionState, flag: FlagBid): boolean {
    const { offset } = flag.input;
    const { auctionBids } = this.#stores;
    const count = bidCount(auction);
    for (let place = count - 1; place >= 0 && place >= count - RING_SIZE; place--) {
      const key = recentBidKey(flag.auctionId, place);
      const bid = auctionBids.get(key);
      if (bid === undefined || bid.offset < offset) return false;
      if (bid.offset > offset) continue;
      if (bid.bidId !== flag.bidId || bid.outcome !== 'ACCEPTED' || bid.flagged) return false;
      auctionBids.put(key, { ...bid, flagged: true });
      return true;
    }
    const { winningBid } = auction;
    return count > RING_SIZE && !(winningBid?.offset === offset && winningBid.flagged);
  }

  /** Releases or voids a held settlement. */
  #settle(record: ControlRecord, { auctionId, decision }: SettleHold): void {
    const auction = this.#stores.auctions.get(auctionId);
    if (auction?.settlement !== 'HELD') return this.#ignore(record);
    const after: AuctionState = { ...auction, settlement: decided(decision) };
    this.#lifecycle.settle(after, inputOf(record), record.timestamp);
    this.#lifecycle.put(isForgotten(auction) ? shrunk(after) : after);
  }

  #ignore({ value }: ControlRecord): void {
    this.#context.count('records_ignored_total', { record: value.type });
  }

  #alert(record: ControlRecord, kind: 'LISTING_REFUSED' | 'CLOSE_IGNORED', message: string): void {
    const { key, timestamp } = record;
    this.#context.forward(
      'alerts',
      key,
      alertOf(kind, message, { auctionId: key, input: inputOf(record), at: timestamp }),
    );
  }
}
