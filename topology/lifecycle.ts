/** What happens to auctions as time passes: they open, close, tell their bidders, forget their bids and go. In bounded slices. */

import type { AuctionState, InputPosition } from 'gavel/schemas';
import { historyKey } from './bid-history.ts';
import { alertOf } from './alerts.ts';
import { closed, dueAt, isForgotten, shrunk } from './closing.ts';
import { currentPriceOf } from './current-price.ts';
import type { JudgeContext, JudgeOptions } from './judge-context.ts';
import { bidCount, recentBidKey, RING_SIZE } from './recent-bids.ts';
import { transactionOf } from './settlement.ts';
import { BIDS_TOPIC } from './topics.ts';

export class Lifecycle {
  readonly #context: JudgeContext;
  readonly #stores: JudgeContext['stores'];
  readonly #options: JudgeOptions;
  /** No history row expires before it. A guess too low costs a look into the index. */
  #nextExpiry = -Infinity;

  constructor(context: JudgeContext, options: JudgeOptions) {
    this.#context = context;
    this.#stores = context.stores;
    this.#options = options;
  }

  /** Handles what is due at or before `time`, about `limit` rows of it. */
  async wake(time: number, limit: number): Promise<number | undefined> {
    const { auctions } = this.#stores;
    let left = limit;
    for (const { value } of await auctions.scanIndex('due', { lte: time, limit })) {
      if (left <= 0) break;
      const rows = this.#attend(value, time, left);
      left -= typeof rows === 'number' ? rows : await rows;
    }
    const next = Math.min((await auctions.firstOrder('due')) ?? Infinity, await this.#expire(time, left));
    return next === Infinity ? undefined : next;
  }

  /** The epoch runs again: what was learnt about its rows may be wrong. */
  rollback(): void {
    this.#nextExpiry = -Infinity;
  }

  /** Writes an auction and asks to be woken when it is due. */
  put(auction: AuctionState): void {
    this.#stores.auctions.put(auction.auctionId, auction);
    const due = dueAt(auction, this.#options.keepClosedDays);
    if (due !== undefined) this.#context.wakeAt(due);
  }

  /** Asks to be woken when a history row that no closing removes expires. */
  expireAt(time: number): void {
    this.#nextExpiry = Math.min(this.#nextExpiry, time);
    this.#context.wakeAt(time);
  }

  /** Closes an open auction; answers how many rows that took. */
  close(auction: AuctionState, time: number, cancelled: boolean): number {
    const { auctionId, bidders } = auction;
    const after = closed(auction, time, cancelled);
    this.put(bidders === null ? { ...after, factsFrom: historyKey(auctionId, '') } : after);
    this.#context.forward('prices', auctionId, currentPriceOf(after, time));
    this.#context.count('auctions_closed_total', { status: after.status });
    if (after.settlement !== null && after.winningBid !== null) {
      this.settle(
        after,
        { topic: BIDS_TOPIC, partition: this.#context.partition, offset: after.winningBid.offset },
        time,
      );
    }
    if (bidders === null) return 1;
    for (const bidderId of bidders) {
      this.#tell(after, bidderId, this.#stores.bidHistory.get(historyKey(auctionId, bidderId))?.bids ?? 0);
    }
    return 1 + bidders.length;
  }

  /** Sends a settlement as it stands now. */
  settle(auction: AuctionState, input: InputPosition, time: number): void {
    const { auctionId, leader, winningBid } = auction;
    const feeMillionths = this.#options.platformFeeMillionths;
    this.#context.forward('settlements', auctionId, transactionOf(auction, { input, time, feeMillionths }));
    if (auction.settlement !== 'HELD') return;
    const cause = { auctionId, bidderId: leader, bidId: winningBid?.bidId ?? null, input, at: time };
    this.#context.forward(
      'alerts',
      auctionId,
      alertOf('SETTLEMENT_HELD', 'The winning bid is flagged: the settlement is held.', cause),
    );
  }

  #attend(auction: AuctionState, time: number, limit: number): number | Promise<number> {
    if (auction.closedAt === null) return this.#openOrClose(auction, time);
    if (auction.factsFrom !== null) return this.#tellMany(auction, auction.factsFrom, limit);
    if (!isForgotten(auction))
      return auction.bidders === null ? this.#forgetMany(auction, limit) : this.#forget(auction, auction.bidders);
    this.#stores.auctions.delete(auction.auctionId);
    return 1;
  }

  #openOrClose(auction: AuctionState, time: number): number {
    const opened: AuctionState = { ...auction, status: 'OPEN' };
    if (time >= auction.endsAt) {
      this.#context.observe('auction_close_delay_seconds', (time - auction.endsAt) / 1000);
      return this.close(opened, time, false);
    }
    this.put(opened);
    this.#context.forward('prices', auction.auctionId, currentPriceOf(opened, time));
    return 1;
  }

  #tell(auction: AuctionState, bidderId: string, bids: number): void {
    if (bids === 0) return;
    const { auctionId, status, leader, accepted, closedAt, terms } = auction;
    this.#context.forward('facts', bidderId, {
      type: 'BidderClosing',
      bidderId,
      auctionId,
      sellerId: terms?.sellerId as string,
      status,
      won: status === 'SOLD' && leader === bidderId,
      bids,
      auctionBids: accepted,
      closedAt: closedAt as number,
    });
  }

  /** Tells the next bidders of a crowded auction that it has closed. */
  async #tellMany(auction: AuctionState, from: string, limit: number): Promise<number> {
    const prefix = historyKey(auction.auctionId, '');
    let told = 0;
    let next: string | null = null;
    for await (const { key, value } of this.#stores.bidHistory.scan({
      gte: from,
      lt: endOf(auction),
      limit: limit + 1,
    })) {
      if (told === limit) next = key;
      else {
        this.#tell(auction, key.slice(prefix.length), value.bids);
        told++;
      }
    }
    this.put({ ...auction, factsFrom: next });
    return 1 + told;
  }

  #forget(auction: AuctionState, bidders: readonly string[]): number {
    for (const bidderId of bidders) this.#stores.bidHistory.delete(historyKey(auction.auctionId, bidderId));
    return bidders.length + this.#shrink(auction);
  }

  /** Forgets the next bids of a crowded auction; it stays due until they are gone. */
  async #forgetMany(auction: AuctionState, limit: number): Promise<number> {
    const { bidHistory } = this.#stores;
    let gone = 0;
    for await (const { key } of bidHistory.scan({
      gte: historyKey(auction.auctionId, ''),
      lt: endOf(auction),
      limit,
    })) {
      bidHistory.delete(key);
      gone++;
    }
    return gone < limit ? gone + this.#shrink(auction) : gone;
  }

  #shrink(auction: AuctionState): number {
    const rows = Math.min(RING_SIZE, bidCount(auction));
    for (let place = 0; place < rows; place++) this.#stores.auctionBids.delete(recentBidKey(auction.auctionId, place));
    this.put(shrunk(auction));
    return 1 + rows;
  }

  /** Removes history rows that no closing removes; answers when the next one is due. */
  async #expire(time: number, limit: number): Promise<number> {
    if (limit <= 0) return time;
    if (this.#nextExpiry > time) return this.#nextExpiry;
    const { bidHistory } = this.#stores;
    for (const { key } of await bidHistory.scanIndex('expires', { lte: time, limit })) bidHistory.delete(key);
    this.#nextExpiry = (await bidHistory.firstOrder('expires')) ?? Infinity;
    return this.#nextExpiry;
  }
}

/** Behind the last history key of an auction. */
function endOf(auction: AuctionState): string {
  return `${auction.auctionId}\x01`;
}
