/** Feeds the live view and the simulated bidders from the output topics, as any outside reader would. */

import type { CurrentPrice } from 'gavel/schemas';
import type { Broker, PartitionOffset } from 'gavel/streams';
import { partitionKey } from 'gavel/streams';

import type { AuctionTopics } from '../../topology/topics.ts';
import { decode } from '../decode.ts';
import { followRecords } from '../follow.ts';
import type { MarketView } from './market-view.ts';

export interface FeedOptions {
  readonly broker: Broker;
  readonly topics: AuctionTopics;
  readonly view: MarketView;
  /** Told of each price that is new. */
  readonly onPrice: (price: CurrentPrice) => void;
  readonly signal: AbortSignal;
}

/** Runs until `signal` aborts. Prices are read from their beginning, for they tell which auctions are open; verdicts from now on. */
export async function runFeed({ broker, topics, view, onPrice, signal }: FeedOptions): Promise<void> {
  const { validated, flagged, rejected, prices } = topics;
  const [verdictEnds, priceStarts, priceEnds] = await Promise.all([
    positions(broker, [validated.name, flagged.name, rejected.name], validated.partitions, 'latest'),
    positions(broker, [prices.name], prices.partitions, 'earliest'),
    positions(broker, [prices.name], prices.partitions, 'latest'),
  ]);
  const liveFrom = new Map(priceEnds.map(({ topic, partition, offset }) => [partitionKey(topic, partition), offset]));
  for await (const record of followRecords(broker, [...priceStarts, ...verdictEnds], signal)) {
    if (record.value === null) continue;
    const now = Date.now();
    if (record.topic === prices.name) {
      const price = await decode(prices.value, record.value);
      const live = record.offset >= (liveFrom.get(partitionKey(record.topic, record.partition)) ?? 0);
      view.price(price, live);
      if (live) onPrice(price);
    } else {
      const verdict = await decode(flagged.value, record.value);
      if (record.topic === flagged.name) view.flag(verdict);
      if (verdict.type !== 'BidVerdict') continue;
      // The record time of a verdict is the append time of its bid.
      view.verdict(verdict, now, now - record.timestamp);
    }
  }
}

async function positions(
  broker: Broker,
  topics: readonly string[],
  partitions: number,
  at: 'earliest' | 'latest',
): Promise<readonly PartitionOffset[]> {
  const all = topics.flatMap((topic) => Array.from({ length: partitions }, (_, partition) => ({ topic, partition })));
  return broker.listOffsets(all, at);
}
