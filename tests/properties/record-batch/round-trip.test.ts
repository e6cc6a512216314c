/** Whatever is written into record batches is read back: any times, keys, values, headers and sizes. */

import fc from 'fast-check';
import { expect, test } from 'vitest';
import type { Header } from '../../../streams/record.ts';
import {
  BatchReader,
  BatchWriter,
  batchEnd,
  placeBatch,
  readHeader,
  sealBatch,
  verifyBatch,
} from '../../../streams/record-batch/index.ts';
import { isGavelError } from '../../../streams/errors.ts';
import { serdeOf } from '../../../streams/serde.ts';

interface Written {
  readonly timestamp: number;
  readonly key: Buffer | null;
  readonly value: Buffer | null;
  readonly headers: readonly Header[];
  /** Through a serde, which does not know the length beforehand. */
  readonly streamed: boolean;
}

const rawSerde = serdeOf<Buffer>(
  (value) => value,
  (bytes) => bytes,
);

/** Sizes around those where a length needs one more byte. */
const size = fc.oneof(
  { weight: 20, arbitrary: fc.integer({ min: 0, max: 200 }) },
  { weight: 3, arbitrary: fc.integer({ min: 8_150, max: 8_210 }) },
  { weight: 1, arbitrary: fc.integer({ min: 1_048_540, max: 1_048_600 }) },
);
const bytes = fc.tuple(size, fc.nat(255)).map(([length, fill]) => Buffer.alloc(length, fill));
const small = fc.uint8Array({ maxLength: 40 }).map((array) => Buffer.from(array));
const header = fc.record<Header>({
  key: fc.string({ unit: 'grapheme', maxLength: 10 }),
  value: fc.option(small),
});
const written = fc.record<Written>({
  timestamp: fc.oneof(
    fc.integer({ min: 1_700_000_000_000, max: 1_700_000_100_000 }),
    fc.integer({ min: 0, max: 2 ** 45 }),
  ),
  key: fc.option(small),
  value: fc.option(bytes),
  headers: fc.array(header, { maxLength: 3 }),
  streamed: fc.boolean(),
});
const batches = fc.array(fc.array(written, { minLength: 1, maxLength: 12 }), { minLength: 1, maxLength: 3 });

function write(writer: BatchWriter, { timestamp, key, value, headers, streamed }: Written): void {
  writer.start(timestamp);
  writer.keyBytes(key);
  if (streamed && value !== null) writer.value(rawSerde, value);
  else writer.valueBytes(value);
  writer.end(headers);
}

test('records come back as they were written, batch behind batch in one buffer', () => {
  let read = 0;
  fc.assert(
    fc.property(batches, fc.integer({ min: 62, max: 400 }), (input, capacity) => {
      const writer = new BatchWriter(capacity);
      const baseOffsets = input.map((_, i) => i * 1_000_003);
      const buffer = Buffer.concat(
        input.map((records, i) => {
          for (const record of records) write(writer, record);
          const batch = writer.take();
          expect(batch.count).toBe(records.length);
          sealBatch(batch.bytes, { producer: { id: 2 ** 40 + i, epoch: i, sequence: i * 7 } });
          placeBatch(batch.bytes, baseOffsets[i] as number, 1);
          return batch.bytes;
        }),
      );
      const reader = new BatchReader();
      let at = 0;
      for (const [i, records] of input.entries()) {
        verifyBatch(buffer, at);
        const times = records.map(({ timestamp }) => timestamp);
        expect(readHeader(buffer, at)).toMatchObject({
          baseOffset: baseOffsets[i],
          lastOffset: (baseOffsets[i] as number) + records.length - 1,
          count: records.length,
          baseTimestamp: times[0],
          maxTimestamp: Math.max(...times),
          producerId: 2 ** 40 + i,
        });
        reader.open(buffer, at);
        for (const [n, record] of records.entries()) {
          expect(reader.next()).toBe(true);
          expect(reader.offset).toBe((baseOffsets[i] as number) + n);
          expect(reader.timestamp).toBe(record.timestamp);
          expect(same(reader.key(), record.key) && same(reader.value(), record.value)).toBe(true);
          expect(reader.hasHeaders).toBe(record.headers.length > 0);
          expect(reader.headers()).toEqual(record.headers);
          read++;
        }
        expect(reader.next()).toBe(false);
        at = batchEnd(buffer, at);
      }
      expect(at).toBe(buffer.length);
    }),
    { numRuns: 300 },
  );
  expect(read).toBeGreaterThan(1_000);
});

test('random bytes never make a reader loop or read elsewhere: they are refused or end', () => {
  let refused = 0;
  fc.assert(
    fc.property(
      fc.array(written, { minLength: 1, maxLength: 4 }),
      fc.array(fc.tuple(fc.double({ min: 0, max: 1, noNaN: true, maxExcluded: true }), fc.nat(255)), { minLength: 1 }),
      (records, changes) => {
        const writer = new BatchWriter();
        for (const record of records) write(writer, { ...record, value: record.value?.subarray(0, 60) ?? null });
        const { bytes: batch } = writer.take();
        for (const [where, byte] of changes) batch[8 + Math.floor(where * (batch.length - 8))] = byte;
        const reader = new BatchReader();
        try {
          reader.open(batch);
          for (let n = 0; reader.next(); n++) {
            expect(n).toBeLessThanOrEqual(batch.length);
            reader.headers();
            expect((reader.key()?.length ?? 0) + (reader.value()?.length ?? 0)).toBeLessThanOrEqual(batch.length);
          }
        } catch (error) {
          if (!isGavelError(error, 'BATCH_CORRUPT')) throw error;
          refused++;
        }
      },
    ),
    { numRuns: 3_000 },
  );
  expect(refused).toBeGreaterThan(100);
});

function same(a: Buffer | null, b: Buffer | null): boolean {
  return a === null || b === null ? a === b : a.equals(b);
}
