/** Every store of the auction application, with its key, its row and its indexes. */

import { keyValueStore, stringSerde } from 'gavel/streams';
import { stateSerde } from 'gavel/schemas';
import { dueAt } from './closing.ts';
import { paymentDueAt } from './settlement.ts';

export type JudgeStores = ReturnType<typeof judgeStores>;
export type BidderStores = ReturnType<typeof bidderStores>;
export type PaymentStores = ReturnType<typeof paymentStores>;

/** Stores of `judge`; all that belongs to an auction lies in the task of its partition. */
export function judgeStores(keepClosedDays: number) {
  return {
    /** By auctionId. Index `due`: when the auction next needs attention without a record of its own. */
    auctions: keyValueStore({
      name: 'auctions',
      key: stringSerde,
      value: stateSerde('AuctionState'),
      indexes: { due: (_auctionId, auction) => dueAt(auction, keepClosedDays) },
    }),
    /** By auctionId, NUL, bidderId. Index `expires`: rows that no closing will remove. */
    bidHistory: keyValueStore({
      name: 'bid-history',
      key: stringSerde,
      value: stateSerde('BidHistory'),
      indexes: { expires: (_key, history) => history.expiresAt ?? undefined },
    }),
    /** The last 50 bids of an auction in a ring of rows, by auctionId, NUL, place in the ring (two digits). */
    auctionBids: keyValueStore({ name: 'auction-bids', key: stringSerde, value: stateSerde('AuctionBid') }),
  };
}

/** Stores of `bidders`. */
export function bidderStores() {
  return {
    /** By bidderId. */
    bidders: keyValueStore({ name: 'bidders', key: stringSerde, value: stateSerde('BidderState') }),
    /** By bidderId, NUL, sellerId. */
    sellers: keyValueStore({ name: 'bidder-sellers', key: stringSerde, value: stateSerde('BidderSeller') }),
  };
}

/** Stores of `payments`. */
export function paymentStores(keepClosedDays: number) {
  return {
    /** By auctionId. Index `expires`: when the row goes. */
    payments: keyValueStore({
      name: 'payments',
      key: stringSerde,
      value: stateSerde('PaymentState'),
      indexes: { expires: (_auctionId, payment) => paymentDueAt(payment, keepClosedDays) },
    }),
  };
}
