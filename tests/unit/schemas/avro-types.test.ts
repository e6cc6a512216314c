import { ByteBuffer, isGavelError } from 'gavel/streams';
import avro from 'avsc';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';

import type { AvroType } from '../../../schemas/avro.ts';
import { compileForeign, compileOwn, decodeValue, encodeValue } from '../../../schemas/avro.ts';
import { asMoney } from './arbitrary.ts';

function record(...types: readonly unknown[]): string {
  return JSON.stringify({ type: 'record', name: 'R', fields: types.map((type, i) => ({ name: `f${i}`, type })) });
}

const MONEY = record({ type: 'long', logicalType: 'money' }, ['null', { type: 'long', logicalType: 'money' }]);

function written(type: AvroType, value: unknown): Buffer {
  const sink = new ByteBuffer(16);
  encodeValue(type, value, sink, 0);
  return sink.take();
}

describe('money', () => {
  const type = compileOwn(MONEY);

  test('is a number where that is safe and a bigint where not, over all 64 bits', () => {
    fc.assert(
      fc.property(fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n }), (value) => {
        const bytes = written(type, { f0: value, f1: value });
        expect({ ...(decodeValue(type, bytes, 0) as object) }).toEqual({ f0: asMoney(value), f1: asMoney(value) });
      }),
    );
  });

  test.each([0n, 1n, -1n, 2n ** 52n, -(2n ** 52n), -(2n ** 52n) - 1n, 2n ** 53n - 1n, -(2n ** 53n) + 1n, 2n ** 53n])(
    'keeps %s exactly, as a number too where it is one',
    (value) => {
      const bytes = written(type, { f0: value, f1: null });
      expect((decodeValue(type, bytes, 0) as { f0: unknown }).f0).toBe(asMoney(value));
      expect(written(type, { f0: asMoney(value), f1: null })).toEqual(bytes);
    },
  );

  test('has the bytes of any other long', () => {
    const plain = avro.Type.forSchema({ type: 'record', name: 'R', fields: [{ name: 'f0', type: 'long' }] });
    const wide = compileOwn(record({ type: 'long', logicalType: 'money' }));
    fc.assert(
      fc.property(fc.integer({ min: -(2 ** 45), max: 2 ** 52 }), (f0) => {
        expect(written(wide, { f0 })).toEqual(plain.toBuffer({ f0 }));
      }),
    );
  });

  test.each([1.5, Number.NaN, 2 ** 53, '1', null, undefined, 2n ** 63n])('refuses %s', (f0) => {
    expect(() => written(type, { f0, f1: null })).toThrow(/R\.f0: .* is no long/);
  });

  test('refuses a long of more than 64 bits', () => {
    const bytes = Buffer.concat([Buffer.alloc(10, 0xff), Buffer.of(0x01, 0x00)]);
    expect(() => decodeValue(type, bytes, 0)).toThrow('more than 64 bits');
  });

  test('other longs that are not safe fail', () => {
    const bytes = written(type, { f0: 2n ** 60n, f1: null });
    expect(() => decodeValue(compileOwn(record('long', ['null', 'long'])), bytes, 0)).toThrow('precision loss');
  });
});

describe('strings', () => {
  const type = compileOwn(record('string'));
  const bare = avro.Type.forSchema(JSON.parse(record('string')) as avro.Schema);

  test('have the bytes and the text that avsc gives them', () => {
    const text = fc.oneof(fc.string({ maxLength: 200 }), fc.string({ unit: 'binary', maxLength: 70 }));
    fc.assert(
      fc.property(text, (f0) => {
        const bytes = written(type, { f0 });
        expect(bytes).toEqual(bare.toBuffer({ f0 }));
        expect(decodeValue(type, bytes, 0)).toEqual({ f0: (bare.fromBuffer(bytes) as { f0: string }).f0 });
      }),
    );
  });

  test.each([0, 1, 15, 16, 17, 62, 63, 64, 65])('of %i characters come back, ASCII or not', (length) => {
    for (const f0 of ['x'.repeat(length), 'é'.repeat(length), 'x'.repeat(Math.max(0, length - 1)) + 'é']) {
      expect(decodeValue(type, written(type, { f0 }), 0)).toEqual({ f0 });
    }
  });

  test('cut off anywhere are refused', () => {
    for (const f0 of ['short', 'x'.repeat(100)]) {
      const bytes = written(type, { f0 });
      for (let length = 0; length < bytes.length; length += 1) {
        expect(() => decodeValue(type, bytes.subarray(0, length), 0)).toThrow('is cut off');
      }
    }
  });

  test('with a negative length are refused', () => {
    expect(() => decodeValue(type, Buffer.of(0x09, 0x61, 0x61, 0x61, 0x61), 0)).toThrow('cannot read R');
  });
});

describe('nullables', () => {
  const type = compileOwn(record(['null', 'string']));

  test('refuse an unknown branch', () => {
    expect(() => decodeValue(type, Buffer.of(0x04, 0x00), 0)).toThrow('no branch 2');
  });

  test('refuse a value of another type, naming the field', () => {
    expect(() => written(type, { f0: 1 })).toThrow('R.f0: number is no string');
  });
});

describe('corrupt counts', () => {
  const count = Buffer.of(0xfe, 0xff, 0xff, 0xff, 0xff, 0x0f); // some 10^10 items

  test.each([
    ['array', { type: 'array', items: 'long' }],
    ['map', { type: 'map', values: 'long' }],
  ])('of a(n) %s end at once, read or skipped', (_, schema) => {
    const writer = compileForeign(record(schema, 'int'));
    const reader = compileOwn(JSON.stringify({ type: 'record', name: 'R', fields: [{ name: 'f1', type: 'int' }] }));
    const bytes = Buffer.concat([count, Buffer.of(0x02, 0x00)]);
    expect(() => decodeValue(writer, bytes, 0)).toThrow('items in too few bytes');
    expect(() => decodeValue(reader, bytes, 0, reader.createResolver(writer))).toThrow('items in too few bytes');
  });

  test('of a block with a size are read', () => {
    const type = compileOwn(record({ type: 'array', items: 'long' }));
    expect(decodeValue(type, Buffer.of(0x03, 0x04, 0x02, 0x04, 0x00), 0)).toEqual({ f0: [1, 2] });
  });

  test('maps come back', () => {
    const type = compileForeign(record({ type: 'map', values: 'string' }));
    const value = { f0: { a: 'one', b: 'two' } };
    expect(decodeValue(type, type.toBuffer(value), 0)).toEqual(value);
  });
});

describe('writing', () => {
  test('grows a sink that is nearly full and leaves what stands in it', () => {
    const type = compileOwn(record('string'));
    const sink = new ByteBuffer(4);
    for (const f0 of ['a'.repeat(10), 'b'.repeat(1000), 'c'.repeat(5000)]) encodeValue(type, { f0 }, sink, 5);
    const bytes = sink.take();
    expect(bytes.length).toBe(5 + 11 + 5 + 1002 + 5 + 5002);
    expect(bytes.toString('latin1')).toMatch(/a{10}.{7}b{1000}.{7}c{5000}$/s);
  });

  test('appends nothing where it fails', () => {
    const sink = new ByteBuffer(64);
    sink.position = 3;
    expect(() => encodeValue(compileOwn(record('string', 'int')), { f0: 'x', f1: 'y' }, sink, 0)).toThrow(/R\.f1/);
    expect(sink.position).toBe(3);
  });

  test('never tells the value that it refuses', () => {
    const refused = (): void => void written(compileOwn(MONEY), { f0: 'secret', f1: 'hidden' });
    expect(refused).toThrow('R.f0: string is no long, R.f1: string is no long');
    expect(refused).not.toThrow(/secret|hidden/);
  });
});

test('what is no schema is said to be none', () => {
  for (const text of ['{', '{"type":"record"}', '"nothing"', '{"type":"record","name":"a b","fields":[]}']) {
    expect(() => compileForeign(text)).toThrow(expect.toSatisfy((error) => isGavelError(error, 'SCHEMA_INVALID')));
  }
});
