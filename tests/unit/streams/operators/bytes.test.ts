import { describe, expect, test } from 'vitest';
import fc from 'fast-check';
import {
  integerSerde,
  partitionOf,
  serializeToBuffer,
  stringSerde,
  windowedPartitioner,
  windowedSerde,
} from 'gavel/streams';
import { timestampedSerde } from '../../../../streams/operators/timestamped.ts';
import { segmentBound, windowKeySerde } from '../../../../streams/operators/window-key.ts';
import { partitionerOf } from '../../../../streams/operators/windowed.ts';

const hex = (text: string): Buffer => Buffer.from(text.replaceAll(' ', ''), 'hex');

describe('the bytes of windowed keys on topics', () => {
  const serde = windowedSerde(stringSerde, 60_000);

  test("are the key's, then the start as a Java long", () => {
    // new TimeWindowedSerializer<>(new StringSerializer()), key "ab", window starting at 1700000040000
    const bytes = hex('61 62 0000018bcfe60440');
    const windowed = { key: 'ab', start: 1_700_000_040_000, end: 1_700_000_100_000 };
    expect(serializeToBuffer(serde, windowed)).toEqual(bytes);
    expect(serde.deserialize(bytes)).toEqual(windowed);
  });

  test('come back as they went, for any key and time', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'grapheme' }), fc.maxSafeNat(), (key, start) => {
        fc.pre(start + 60_000 <= Number.MAX_SAFE_INTEGER);
        const windowed = { key, start, end: start + 60_000 };
        expect(serde.deserialize(serializeToBuffer(serde, windowed))).toEqual(windowed);
      }),
    );
  });

  test('too few of them are refused', () => {
    expect(() => serde.deserialize(hex('0000018bcfe604'))).toThrow(RangeError);
  });

  test.each([-1, 1.5, 2 ** 53])('a start of %d is refused', (start) => {
    expect(() => serializeToBuffer(serde, { key: 'a', start, end: 0 })).toThrow(RangeError);
  });
});

describe('windowed keys (semantics 25)', () => {
  test('go to the partition of their inner key, whatever the window', () => {
    fc.assert(
      fc.property(fc.string(), fc.nat(), fc.integer({ min: 1, max: 50 }), (key, start, partitions) => {
        const partition = windowedPartitioner(stringSerde)({ key, start, end: start + 1 }, null, partitions);
        expect(partition).toBe(partitionOf(Buffer.from(key), partitions));
      }),
    );
  });

  test('are known by their serde', () => {
    expect(partitionerOf(stringSerde)).toBeUndefined();
    const partitioner = partitionerOf(windowedSerde(integerSerde, 10));
    expect(partitioner?.({ key: 5, start: 0, end: 10 }, null, 7)).toBe(
      partitionOf(serializeToBuffer(integerSerde, 5), 7),
    );
  });
});

describe('the keys of a window store', () => {
  const serde = windowKeySerde(stringSerde, { sizeMs: 10, segmentMs: 4 });

  test('are segment, key and start', () => {
    const windowed = { key: 'ab', start: 9, end: 19 };
    const bytes = hex('0000000000000002 6162 0000000000000009');
    expect(serializeToBuffer(serde, windowed)).toEqual(bytes);
    expect(serde.deserialize(bytes)).toEqual(windowed);
  });

  test('have a bound before each segment', () => {
    expect(serializeToBuffer(serde, segmentBound(9))).toEqual(hex('0000000000000002'));
  });

  test('stand in the order of segments, then keys, then starts', () => {
    const keys = fc.array(fc.tuple(fc.string({ unit: 'grapheme-ascii', minLength: 2, maxLength: 2 }), fc.nat(1e13)));
    fc.assert(
      fc.property(keys, (list) => {
        const sorted = list
          .map(([key, start]) => serializeToBuffer(serde, { key, start, end: 0 }))
          .sort((a, b) => a.compare(b))
          .map((bytes) => serde.deserialize(bytes));
        for (const [at, next] of sorted.entries()) {
          const before = sorted[at - 1] ?? next;
          const order = [
            Math.floor(before.start / 4) - Math.floor(next.start / 4),
            Buffer.compare(Buffer.from(before.key), Buffer.from(next.key)),
            before.start - next.start,
          ];
          expect(order.find((part) => part !== 0) ?? 0).toBeLessThanOrEqual(0);
        }
      }),
    );
  });
});

test('a row is its time in 8 bytes, then its value', () => {
  const serde = timestampedSerde(stringSerde);
  const bytes = hex('0000018bcfe56800 6f6b');
  expect(serializeToBuffer(serde, { value: 'ok', timestamp: 1_700_000_000_000 })).toEqual(bytes);
  expect(serde.deserialize(bytes)).toEqual({ value: 'ok', timestamp: 1_700_000_000_000 });
});
