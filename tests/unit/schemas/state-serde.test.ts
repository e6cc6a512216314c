import { isGavelError, serializeToBuffer } from 'gavel/streams';
import { stateSerde } from 'gavel/schemas';
import type { BidderSeller } from 'gavel/schemas';
import { expect, test } from 'vitest';

import { compileOwn } from '../../../schemas/avro.ts';
import { OLDER_SCHEMAS, ROW_SCHEMAS } from '../../../schemas/definitions.ts';
import { rowSerde } from '../../../schemas/state-serde.ts';
import { BID } from './samples.ts';

const OLD = '{"type":"record","name":"Row","fields":[{"name":"bids","type":"int"}]}';
const NEW =
  '{"type":"record","name":"Row","fields":[{"name":"won","type":"int","default":7},{"name":"bids","type":"long"}]}';

const failed = expect.toSatisfy((error: unknown) => isGavelError(error, 'SERDE_FAILED'));

test('a row carries four bytes of its schema and no more', () => {
  const serde = stateSerde('BidderSeller');
  const row: BidderSeller = { auctions: 3, won: 1 };
  const bytes = serializeToBuffer(serde, row);
  expect(bytes.length).toBe(4 + 2);
  expect({ ...serde.deserialize(bytes) }).toEqual(row);
});

test('a row of an earlier schema is read with the defaults of this one', () => {
  const before = rowSerde<{ bids: number }>(compileOwn(OLD), []);
  const now = rowSerde<{ bids: number; won: number }>(compileOwn(NEW), [OLD]);
  expect({ ...now.deserialize(serializeToBuffer(before, { bids: 5 })) }).toEqual({ bids: 5, won: 7 });
  expect({ ...now.deserialize(serializeToBuffer(now, { bids: 5, won: 1 })) }).toEqual({ bids: 5, won: 1 });
});

test('a row of a schema that is not here is refused, not misread', () => {
  const before = rowSerde<{ bids: number }>(compileOwn(OLD), []);
  const now = rowSerde<{ bids: number; won: number }>(compileOwn(NEW), []);
  expect(() => now.deserialize(serializeToBuffer(before, { bids: 5 }))).toThrow('unknown schema');
  expect(() => before.deserialize(serializeToBuffer(now, { bids: 5, won: 1 }))).toThrow(failed);
});

test('cut-off and trailing bytes are refused', () => {
  const serde = stateSerde('BidderSeller');
  const bytes = serializeToBuffer(serde, { auctions: 300, won: 1 });
  for (let length = 0; length < bytes.length; length += 1) {
    expect(() => serde.deserialize(bytes.subarray(0, length))).toThrow(failed);
  }
  expect(() => serde.deserialize(Buffer.concat([bytes, Buffer.of(0)]))).toThrow(failed);
});

test('a record may be stored as it came', () => {
  const serde = stateSerde('BidPlaced');
  const stored = serde.deserialize(serializeToBuffer(serde, BID));
  expect(stored).toMatchObject({ type: 'BidPlaced', amount: BID.amount });
});

test('no two schemas of rows have one fingerprint', () => {
  const texts = [...Object.values(ROW_SCHEMAS), ...OLDER_SCHEMAS];
  const prints = texts.map((text) => compileOwn(text).fingerprint().readInt32BE(0));
  expect(new Set(prints).size).toBe(texts.length);
});
