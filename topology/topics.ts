/** Every topic of the auction application: name, key, records, partitions, retention. */

import { defineTopic, stringSerde, type Serde, type Topic, type TopicConfig } from 'gavel/streams';
import type { BidPlaced, CloseAuction, FlagBid, Listing, RecordTypes, SettleHold } from 'gavel/schemas';

/** Makes the serde of a topic that carries these records: `avroSerdes(registry)`. */
export interface RecordSerdes {
  serde<Name extends keyof RecordTypes>(topic: string, records: readonly Name[]): Serde<RecordTypes[Name]>;
}

/** What stands in the log that decides, clock records aside. */
export type LogRecord = Listing | BidPlaced | CloseAuction | FlagBid | SettleHold;

export type AuctionTopics = ReturnType<typeof auctionTopics>;

/** The log that decides. */
export const BIDS_TOPIC = 'auction.bids';

const COMPACTED = { cleanup: 'compact' } as const;
/** The log that decides is kept for ever, and its record time is its append time. */
const DECIDING = { retentionMs: -1, timestampType: 'append' } as const;

/**
 * Declares the topics; the key is the auctionId but for users (userId) and bidders (bidderId). Outputs and other inputs are kept
 * for 7 days, compacted ones by compaction. Dead letters go to `<topic>.dlq`, which the engine makes.
 *
 * @param partitions of each topic. Default 3. All have as many, so that what meets by key meets in one task.
 */
export function auctionTopics(serdes: RecordSerdes, partitions = 3) {
  const topic = <Name extends keyof RecordTypes>(
    name: string,
    records: readonly Name[],
    config: Partial<TopicConfig> = {},
  ): Topic<string, RecordTypes[Name]> =>
    defineTopic({ name, key: stringSerde, value: serdes.serde(name, records), partitions, ...config });
  return {
    users: topic('auction.users', ['User'], COMPACTED),
    items: topic('auction.items', ['Item']),
    pos: topic('auction.pos', ['PosSale']),
    bids: topic(BIDS_TOPIC, ['Listing', 'BidPlaced', 'CloseAuction', 'FlagBid', 'SettleHold'], DECIDING),
    validated: topic('auction.bids.validated', ['BidVerdict']),
    flagged: topic('auction.bids.flagged', ['BidVerdict', 'BidFlagged']),
    rejected: topic('auction.bids.rejected', ['BidVerdict']),
    prices: topic('auction.prices', ['CurrentPrice'], COMPACTED),
    transactions: topic('auction.transactions', ['Transaction']),
    bidders: topic('auction.bidders', ['BidderProfile'], COMPACTED),
    alerts: topic('auction.alerts', ['Alert']),
  };
}

/** Serdes of the internal topics between the sub-topologies. */
export function internalSerdes(serdes: RecordSerdes) {
  return {
    /** Repartitioned by bidderId. */
    bidderEvents: serdes.serde('bidder-events', ['BidderBid', 'BidderClosing']),
    /** Keyed by auctionId. */
    settlements: serdes.serde('settlements', ['Transaction']),
  };
}
