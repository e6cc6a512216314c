import { GavelError, SerdeNotReady, serializeToBuffer } from 'gavel/streams';
import type { SchemaRegistry } from 'gavel/schemas';
import { avroSerde, avroSerdes, memoryRegistry } from 'gavel/schemas';
import fc from 'fast-check';
import { beforeEach, describe, expect, test } from 'vitest';

import { compileForeign } from '../../../schemas/avro.ts';
import { RECORD_SCHEMAS } from '../../../schemas/definitions.ts';
import { BID, FLAG, VERDICT } from './samples.ts';

const TOPIC = 'auction.bids';
const SUBJECT = `${TOPIC}-gavel.auction.BidPlaced`;

interface Fields {
  name: string;
  fields: { name: string; type: unknown; default?: unknown }[];
}

/** The schema of BidPlaced, changed. */
function otherBid(change: (schema: Fields) => void): string {
  const schema = JSON.parse(RECORD_SCHEMAS.BidPlaced) as Fields;
  change(schema);
  return JSON.stringify(schema);
}

function framed(id: number, body: Buffer): Buffer {
  return Buffer.concat([Buffer.of(0, id >>> 24, id >>> 16, id >>> 8, id), body]);
}

function code(expected: string): unknown {
  return expect.toSatisfy((error: unknown) => error instanceof GavelError && error.code === expected);
}

/** What `read` answers, or the code that it fails with. */
function outcomeOf(read: () => string): unknown {
  try {
    return read();
  } catch (error) {
    return error instanceof GavelError ? error.code : error;
  }
}

describe('a topic with several records', () => {
  let registry: SchemaRegistry;
  const make = () => avroSerde({ registry, topic: TOPIC, records: ['BidPlaced', 'FlagBid'] });
  let serde: ReturnType<typeof make>;

  beforeEach(async () => {
    registry = memoryRegistry();
    serde = make();
    await serde.prepare();
  });

  test('tells them apart by type, at no own field of the value', () => {
    const bid = serde.deserialize(serializeToBuffer(serde, BID));
    const flag = serde.deserialize(serializeToBuffer(serde, FLAG));
    expect([bid.type, flag.type]).toEqual(['BidPlaced', 'FlagBid']);
    expect(Object.keys(bid)).not.toContain('type');
    expect({ ...bid, type: bid.type }).toEqual(BID);
    expect({ ...flag, type: flag.type }).toEqual(FLAG);
  });

  test('registers each under the topic and its full name', async () => {
    const id = await registry.register(SUBJECT, RECORD_SCHEMAS.BidPlaced);
    expect(serializeToBuffer(serde, BID).subarray(0, 5)).toEqual(framed(id, Buffer.alloc(0)));
  });

  test('refuses a record of another type', () => {
    expect(() => serializeToBuffer(serde, VERDICT as never)).toThrow('carries BidPlaced, FlagBid, no BidVerdict');
    expect(() => serializeToBuffer(serde, { ...BID, type: undefined } as never)).toThrow(code('SERDE_FAILED'));
  });

  test('names the field that does not fit', () => {
    expect(() => serializeToBuffer(serde, { ...BID, type: 'BidPlaced', bidType: 'LATE' as never })).toThrow(
      'BidPlaced.bidType: string is no BidType',
    );
  });

  test('refuses other framing, cut-off and trailing bytes', () => {
    const bytes = serializeToBuffer(serde, FLAG);
    const wrongMagic = Buffer.from(bytes);
    wrongMagic[0] = 1;
    expect(() => serde.deserialize(wrongMagic)).toThrow('magic byte 1');
    expect(() => serde.deserialize(Buffer.concat([bytes, Buffer.of(0)]))).toThrow(`ends at byte ${bytes.length}`);
    for (let length = 0; length < bytes.length; length += 1) {
      expect(() => serde.deserialize(bytes.subarray(0, length))).toThrow(code('SERDE_FAILED'));
    }
  });

  test('never fails otherwise than with SERDE_FAILED, whatever the bytes', () => {
    const bytes = serializeToBuffer(serde, FLAG);
    fc.assert(
      fc.property(fc.nat(bytes.length - 6), fc.uint8Array({ minLength: 1, maxLength: 8 }), (at, noise) => {
        const damaged = Buffer.from(bytes);
        damaged.set(noise.subarray(0, bytes.length - 5 - at), 5 + at);
        expect(['FlagBid', 'SERDE_FAILED']).toContain(outcomeOf(() => serde.deserialize(damaged).type));
      }),
    );
  });

  test('copies nothing of a larger buffer into its values', () => {
    const bytes = serializeToBuffer(serde, BID);
    const batch = Buffer.concat([Buffer.alloc(7, 1), bytes, Buffer.alloc(9, 2)]);
    const bid = serde.deserialize(batch.subarray(7, 7 + bytes.length));
    batch.fill(0xff);
    expect(bid).toMatchObject({ bidId: BID.bidId, device: 'web' });
  });

  test('says what to do when it is not prepared', () => {
    expect(() => serializeToBuffer(make(), BID)).toThrow(code('ILLEGAL_STATE'));
  });
});

describe('records of another writer', () => {
  const registry = memoryRegistry();
  const serde = avroSerde({ registry, topic: TOPIC, records: ['BidPlaced'] });

  async function foreign(schema: string, value: object, subject = SUBJECT): Promise<Buffer> {
    return framed(await registry.register(subject, schema), compileForeign(schema).toBuffer(value));
  }

  test('of an earlier version are read with the defaults of this one', async () => {
    const earlier = otherBid((schema) => {
      schema.fields = schema.fields.filter(({ name }) => name !== 'device' && name !== 'currency');
    });
    const { device: _, currency: __, ...old } = BID;
    const bid = serde.deserialize(await foreign(earlier, old));
    expect({ ...bid, type: bid.type }).toEqual({ ...BID, device: null, currency: null });
  });

  test('of a later version are read without what is new', async () => {
    const later = otherBid((schema) => {
      const tags = { name: 'tags', type: { type: 'array', items: 'string' }, default: [] };
      schema.fields.splice(2, 0, tags);
    });
    const bid = serde.deserialize(await foreign(later, { ...BID, tags: ['a', 'b'] }));
    expect({ ...bid, type: bid.type }).toEqual(BID);
  });

  test('that are huge are read exactly, also by resolving', async () => {
    const later = otherBid((schema) => schema.fields.push({ name: 'extra', type: 'int', default: 0 }));
    const bytes = await foreign(later, { ...BID, amount: 2n ** 62n, extra: 1 });
    expect(serde.deserialize(bytes).amount).toBe(2n ** 62n);
  });

  test('of another name are refused', async () => {
    const schema = otherBid((other) => {
      other.name = 'Offer';
    });
    const bytes = await foreign(schema, BID, 'other');
    expect(() => serde.deserialize(bytes)).toThrow('is a gavel.auction.Offer; auction.bids carries BidPlaced');
    expect(() => serde.deserialize(bytes)).toThrow(code('SERDE_FAILED'));
  });

  test('that lack what this version needs are refused', async () => {
    const schema = otherBid((other) => {
      other.fields = other.fields.filter(({ name }) => name !== 'amount');
    });
    const bytes = await foreign(schema, BID, 'another');
    expect(() => serde.deserialize(bytes)).toThrow("cannot be read as this version's BidPlaced");
  });

  test('with an id that nobody knows are refused', () => {
    expect(() => serde.deserialize(framed(999, Buffer.alloc(9)))).toThrow(code('SCHEMA_UNKNOWN'));
  });
});

test('a schema that is not here yet is fetched once for all who ask', async () => {
  const behind = memoryRegistry();
  const writer = avroSerde({ registry: behind, topic: TOPIC, records: ['BidPlaced'] });
  await writer.prepare();
  const bytes = serializeToBuffer(writer, BID);
  let fetched = false;
  const registry: SchemaRegistry = {
    ...behind,
    lookup: (id) => (fetched ? behind.lookup(id) : undefined),
    fetch: async () => {
      fetched = true;
    },
  };
  const serde = avroSerde({ registry, topic: TOPIC, records: ['BidPlaced'] });
  const wait = expect.toSatisfy((error: unknown) => error instanceof SerdeNotReady);
  let ready = Promise.resolve();
  expect(() => {
    try {
      serde.deserialize(bytes);
    } catch (error) {
      if (error instanceof SerdeNotReady) ready = error.ready;
      throw error;
    }
  }).toThrow(wait);
  await ready;
  expect(serde.deserialize(bytes)).toMatchObject({ type: 'BidPlaced', bidId: BID.bidId });
});

test('serdes of one registry are prepared together', async () => {
  const serdes = avroSerdes(memoryRegistry());
  const bids = serdes.serde('auction.bids', ['BidPlaced']);
  const verdicts = serdes.serde('auction.bids.validated', ['BidVerdict']);
  expect(() => serializeToBuffer(bids, BID)).toThrow(code('ILLEGAL_STATE'));
  await serdes.prepare();
  expect(bids.deserialize(serializeToBuffer(bids, BID)).bidId).toBe(BID.bidId);
  expect(verdicts.deserialize(serializeToBuffer(verdicts, VERDICT)).leads).toBe(true);
});
