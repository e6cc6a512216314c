/** Where each topic goes besides the log: its prefix in the lake, and the tables in Postgres that its records become rows of. Plain data. */

import type { AuctionTopics } from './topics.ts';

export interface Output {
  /** Prefix of its objects in the lake. */
  readonly bronze: string;
  /** Tables that its records write to; empty where the lake is enough. */
  readonly silver: readonly string[];
}

export const OUTPUTS: Readonly<Record<keyof AuctionTopics, Output>> = {
  users: { bronze: 'bronze/auction.users', silver: ['users'] },
  items: { bronze: 'bronze/auction.items', silver: [] },
  pos: { bronze: 'bronze/auction.pos', silver: [] },
  // Listings open the items; the amounts of bids stand here only.
  bids: { bronze: 'bronze/auction.bids', silver: ['items', 'bids'] },
  validated: { bronze: 'bronze/auction.bids.validated', silver: ['bids'] },
  flagged: { bronze: 'bronze/auction.bids.flagged', silver: ['bids'] },
  rejected: { bronze: 'bronze/auction.bids.rejected', silver: ['bids'] },
  prices: { bronze: 'bronze/auction.prices', silver: ['items'] },
  transactions: { bronze: 'bronze/auction.transactions', silver: ['transactions'] },
  bidders: { bronze: 'bronze/auction.bidders', silver: [] },
  alerts: { bronze: 'bronze/auction.alerts', silver: [] },
};
