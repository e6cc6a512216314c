import { isGavelError } from 'gavel/streams';
import { avroSerde, inspectRecord, memoryRegistry } from 'gavel/schemas';
import { serializeToBuffer } from 'gavel/streams';
import { expect, test } from 'vitest';

import { compileForeign } from '../../../schemas/avro.ts';
import { BID } from './samples.ts';

test('shows a record of ours by its short name, longs exactly', async () => {
  const registry = memoryRegistry();
  const serde = avroSerde({ registry, topic: 'auction.bids', records: ['BidPlaced'] });
  await serde.prepare();
  const { type, ...fields } = BID;
  expect(await inspectRecord(registry, serializeToBuffer(serde, BID))).toEqual({ type, value: fields });
  const huge = serializeToBuffer(serde, { ...fields, type, amount: 9_223_372_036_854_775_807n });
  expect(await inspectRecord(registry, huge)).toMatchObject({ value: { amount: '9223372036854775807' } });
});

test('shows any schema: bytes in base64, unions without their branch, maps and arrays', async () => {
  const registry = memoryRegistry();
  const schema = JSON.stringify({
    type: 'record',
    name: 'other.Thing',
    fields: [
      { name: 'raw', type: 'bytes' },
      { name: 'number', type: ['null', 'int', 'long'] },
      { name: 'none', type: ['null', 'int', 'long'] },
      { name: 'far', type: 'long' },
      { name: 'names', type: { type: 'map', values: { type: 'array', items: 'long' } } },
    ],
  });
  const id = await registry.register('things', schema);
  const value = { raw: Buffer.from('hello'), number: { long: 5 }, none: null, far: -(2n ** 60n), names: { a: [1, 2] } };
  const bytes = Buffer.concat([Buffer.of(0, 0, 0, 0, id), compileForeign(schema).toBuffer(value)]);
  expect(await inspectRecord(registry, bytes)).toEqual({
    type: 'Thing',
    value: { raw: 'aGVsbG8=', number: 5, none: null, far: '-1152921504606846976', names: { a: [1, 2] } },
  });
});

test('says why it cannot', async () => {
  const registry = memoryRegistry();
  const withCode = (code: 'SERDE_FAILED' | 'SCHEMA_UNKNOWN') =>
    expect.toSatisfy((error: unknown) => isGavelError(error, code));
  await expect(inspectRecord(registry, Buffer.from('{}'))).rejects.toThrow(withCode('SERDE_FAILED'));
  await expect(inspectRecord(registry, Buffer.of(0, 0, 0, 0, 9))).rejects.toThrow(withCode('SCHEMA_UNKNOWN'));
});
