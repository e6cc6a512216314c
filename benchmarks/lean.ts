/** The lean job: one store, one output; the same that Kafka Streams runs in the comparison (one judge, the same Avro records). */

import avro from 'avsc';
import {
  BatchWriter,
  defineTopic,
  keyValueStore,
  port,
  processor,
  sink,
  source,
  stringSerde,
  topology,
} from 'gavel/streams';
import type { Serde, Topology } from 'gavel/streams';

export interface Bid {
  readonly bidId: string;
  readonly auctionId: string;
  readonly bidderId: string;
  readonly amount: number;
  readonly bidType: string;
  readonly placedAt: number;
}

export interface Price {
  readonly price: number;
  readonly leader: string;
  readonly count: number;
  readonly lastAt: number;
}

export interface Validated {
  readonly bidId: string;
  readonly auctionId: string;
  readonly bidderId: string;
  readonly amount: number;
  readonly previous: number;
  readonly score: number;
  readonly status: string;
  readonly placedAt: number;
}

const string = (name: string): avro.schema.RecordType['fields'][number] => ({ name, type: 'string' });
const long = (name: string): avro.schema.RecordType['fields'][number] => ({ name, type: 'long' });
const BID = avro.Type.forSchema({
  type: 'record',
  name: 'Bid',
  fields: [
    string('bidId'),
    string('auctionId'),
    string('bidderId'),
    long('amount'),
    { name: 'bidType', type: { type: 'enum', name: 'BidType', symbols: ['MANUAL', 'PROXY', 'SNIPE'] } },
    long('placedAt'),
  ],
});
const PRICE = avro.Type.forSchema({
  type: 'record',
  name: 'Price',
  fields: [long('price'), string('leader'), long('count'), long('lastAt')],
});
const VALIDATED = avro.Type.forSchema({
  type: 'record',
  name: 'Validated',
  fields: [
    string('bidId'),
    string('auctionId'),
    string('bidderId'),
    long('amount'),
    long('previous'),
    { name: 'score', type: 'double' },
    string('status'),
    long('placedAt'),
  ],
});

/** Confluent framing with a fixed schema id, as in the peer's job. */
function framed<T>(type: avro.Type, id: number): Serde<T> {
  return {
    serialize(value, bytes) {
      bytes.reserve(512);
      const { buffer, position } = bytes;
      buffer[position] = 0;
      buffer.writeUInt32BE(id, position + 1);
      const end = type.encode(value, buffer, position + 5);
      if (end < 0) throw new RangeError('a record of this job is below 500 bytes');
      bytes.position = end;
    },
    deserialize: (bytes) => type.decode(bytes, 5).value as T,
  };
}

export const bidSerde = framed<Bid>(BID, 1);
export const priceSerde = framed<Price>(PRICE, 2);
export const validatedSerde = framed<Validated>(VALIDATED, 3);

/** The judge of the job: what to store (undefined = nothing) and what to put out. */
export function judge(
  bid: Bid,
  state: Price | undefined,
): { readonly next: Price | undefined; readonly out: Validated } {
  const previous = state === undefined ? 0 : state.price;
  let status = 'REJECTED';
  let score = 0;
  let next: Price | undefined;
  if (bid.amount > previous) {
    const rise = previous === 0 ? 0 : (bid.amount - previous) / previous;
    const early = bid.placedAt - (state === undefined ? 0 : state.lastAt) < 1000 ? 0.2 : 0;
    score = Math.min(1, (rise > 0.5 ? 0.4 : 0) + early + (bid.bidType === 'SNIPE' ? 0.2 : 0));
    status = score > 0.5 ? 'FLAGGED' : 'VALID';
    next = {
      price: bid.amount,
      leader: bid.bidderId,
      count: (state === undefined ? 0 : state.count) + 1,
      lastAt: bid.placedAt,
    };
  }
  const { bidId, auctionId, bidderId, amount, placedAt } = bid;
  return { next, out: { bidId, auctionId, bidderId, amount, previous, score, status, placedAt } };
}

export const bids = defineTopic({ name: 'bids', key: stringSerde, value: bidSerde, partitions: 3, retentionMs: -1 });
export const validated = defineTopic({
  name: 'validated',
  key: stringSerde,
  value: validatedSerde,
  partitions: 3,
  retentionMs: -1,
});

export function leanTopology(): Topology {
  const prices = keyValueStore({ name: 'prices', key: stringSerde, value: priceSerde, cacheEntries: 200_000 });
  const input = source({ name: 'bids', topic: bids });
  const judged = processor({
    name: 'judge',
    from: [input.out],
    ports: { verdicts: port<string, Validated>() },
    stores: { prices },
    create: (context) => ({
      process({ key, value }) {
        const { next, out } = judge(value, context.stores.prices.get(key));
        if (next !== undefined) context.stores.prices.put(key, next);
        context.forward('verdicts', key, out);
      },
    }),
  });
  return topology({ lean: [sink({ name: 'validated', from: [judged.out.verdicts], topic: validated })] });
}

/** Deterministic bids with the skew of the peer's generator: 80 % rises, a few hot auctions. */
export function* leanBids(count: number, auctions: number): Generator<Bid> {
  let seed = 42;
  const random = (): number => {
    seed = (Math.imul(seed, 1_664_525) + 1_013_904_223) >>> 0;
    return seed / 0x1_0000_0000;
  };
  const price = new Float64Array(auctions);
  for (let i = 0; i < count; i++) {
    const auction = Math.floor(auctions * random() ** 2);
    const rise = random() < 0.8 ? 100 + Math.floor(random() * 200) : -Math.floor(random() * 50);
    price[auction] = Math.max(100, (price[auction] as number) + rise);
    yield {
      bidId: `b${String(i).padStart(12, '0')}`,
      auctionId: `auction-${auction}`,
      bidderId: `user-${Math.floor(random() * 20_000)}`,
      amount: price[auction],
      bidType: random() < 1 / 3 ? 'SNIPE' : 'MANUAL',
      placedAt: 1_795_317_812_124 + i,
    };
  }
}

export interface LeanBatch {
  readonly bytes: Buffer;
  /** Records in it. */
  readonly count: number;
}

/** The bids as record batches by partition, of about `batchBytes`. */
export function leanBatches(
  count: number,
  auctions: number,
  partitionOf: (key: Buffer) => number,
  batchBytes = 300_000,
): LeanBatch[][] {
  const writers = [0, 1, 2].map(() => new BatchWriter(batchBytes * 2));
  const batches: LeanBatch[][] = [[], [], []];
  for (const bid of leanBids(count, auctions)) {
    const key = Buffer.from(bid.auctionId);
    const partition = partitionOf(key);
    const writer = writers[partition] as BatchWriter;
    writer.start(bid.placedAt);
    writer.keyBytes(key);
    writer.value(bidSerde, bid);
    writer.end([]);
    if (writer.position > batchBytes) (batches[partition] as LeanBatch[]).push(writer.take());
  }
  writers.forEach((writer, partition) => {
    if (writer.count > 0) (batches[partition] as LeanBatch[]).push(writer.take());
  });
  return batches;
}
