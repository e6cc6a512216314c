import type { Serde } from 'gavel/streams';
import { avroSerde, stateSerde } from 'gavel/schemas';
import type { AuctionState, AvroSerde, BidPlaced, FlagBid, Money, SchemaRegistry } from 'gavel/schemas';
import { expectTypeOf, test } from 'vitest';

declare const registry: SchemaRegistry;
declare const bid: BidPlaced;
declare const auction: AuctionState;

test('a serde knows its records', () => {
  const serde = avroSerde({ registry, topic: 't', records: ['BidPlaced', 'FlagBid'] });
  expectTypeOf(serde).toEqualTypeOf<AvroSerde<BidPlaced | FlagBid>>();
  expectTypeOf(stateSerde('AuctionState')).toEqualTypeOf<Serde<AuctionState>>();
});

test('records are told apart by type', () => {
  const flagOf = (record: BidPlaced | FlagBid) => (record.type === 'FlagBid' ? record : null);
  expectTypeOf(flagOf).returns.toEqualTypeOf<FlagBid | null>();
});

test('a copy must set its type again, a row need not', () => {
  // @ts-expect-error the type is on the prototype of a decoded record
  const copy: BidPlaced = { ...bid, amount: 1 };
  const whole: BidPlaced = { ...bid, type: 'BidPlaced', amount: 1 };
  const row: AuctionState = { ...auction, price: 1 };
  expectTypeOf([copy, whole]).toEqualTypeOf<BidPlaced[]>();
  expectTypeOf(row).toEqualTypeOf<AuctionState>();
});

test('money from outside must be checked before it is counted', () => {
  expectTypeOf(bid.amount).toEqualTypeOf<Money>();
  expectTypeOf<Money>().not.toExtend<number>();
});
