/** Keys go to the partitions that Kafka's Java client chooses (semantics 25). */

import { expect, test } from 'vitest';
import { murmur2, partitionOf } from '../../../streams/partitioner.ts';

test.each([
  ['21', -973_932_308],
  ['foobar', -790_332_482],
  ['a-little-bit-long-string', -985_981_536],
  ['a-little-bit-longer-string', -1_486_304_829],
  ['lkjh234lh9fiuh90y23oiuhsafujhadof229phr9h19h89h8', -58_897_971],
  ['abc', 479_470_107],
])('murmur2 of "%s" is %i, as in the tests of the Java client', (text, hash) => {
  expect(murmur2(Buffer.from(text))).toBe(hash);
});

test('murmur2 of any length and of bytes above 127 is that of kafkajs', () => {
  const bytes = Buffer.from([255, 218, 181, 144, 107, 70, 33, 252]);
  const hashes = Array.from({ length: 9 }, (_, length) => murmur2(bytes.subarray(0, length)));
  expect(hashes).toEqual([
    275_646_681, -311_467_685, -847_220_837, 354_844_405, -1_488_345_827, -1_813_505_863, -2_018_754_737, 1_695_022_813,
    -543_617_013,
  ]);
});

test('a negative hash is made positive by dropping its sign bit, as in Java', () => {
  expect(partitionOf(Buffer.from('foobar'), 12)).toBe((-790_332_482 & 0x7fff_ffff) % 12);
  expect(partitionOf(Buffer.from('21'), 1)).toBe(0);
});
