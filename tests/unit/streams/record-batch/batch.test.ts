/** Record batches by the byte: what stands where, and what is refused. */

import { describe, expect, test } from 'vitest';
import {
  BatchReader,
  BatchWriter,
  batchEnd,
  placeBatch,
  readHeader,
  sealBatch,
  verifyBatch,
} from '../../../../streams/record-batch/index.ts';
import { GavelError } from '../../../../streams/errors.ts';
import { jsonSerde, stringSerde } from '../../../../streams/serde.ts';

/** The batch of `threeRecords`, sealed and placed as below; kafkajs 2.2.4 reads it as it is meant. */
const OURS =
  '000001000000000500000062000000080274c775300010000000020000018bcfe568000000018bcfe569f400000000ee6b28070003000000' +
  '6300000003a800000000086b6579300c76616c75653002026802789800001302010c76616c75653100960000e80704086b6579320100';

/** Two records as kafkajs 2.2.4 writes them: (a, null, header h=v) at 50 and (null, 70 × b) at 43. */
const THEIRS =
  '00000000000000000000008c0000000002a7378293001000000001000000000000003200000000000000320000000000000007000200000003' +
  '000000021600000002610102026802769a01000d02018c01' +
  '62'.repeat(70) +
  '00';

function threeRecords(): Buffer {
  const writer = new BatchWriter(64);
  for (const [i, timestamp] of [1_700_000_000_000, 1_699_999_999_990, 1_700_000_000_500].entries()) {
    writer.start(timestamp);
    writer.keyBytes(i === 1 ? null : Buffer.from(`key${i}`));
    writer.valueBytes(i === 2 ? null : Buffer.from(`value${i}`));
    writer.end(i === 0 ? [{ key: 'h', value: Buffer.from('x') }] : []);
  }
  return writer.take().bytes;
}

describe('format', () => {
  test('the bytes are those that another implementation reads', () => {
    const bytes = threeRecords();
    sealBatch(bytes, { producer: { id: 4_000_000_007, epoch: 3, sequence: 99 }, transactional: true });
    placeBatch(bytes, 2 ** 40 + 5, 8);
    expect(bytes.toString('hex')).toBe(OURS);
  });

  test('what another implementation writes is read, its checksum included', () => {
    const bytes = Buffer.from(THEIRS, 'hex');
    verifyBatch(bytes);
    expect(readHeader(bytes)).toMatchObject({ producerId: 7, producerEpoch: 2, baseSequence: 3, transactional: true });
    const reader = new BatchReader();
    reader.open(bytes);
    expect(reader.next()).toBe(true);
    expect([reader.offset, reader.timestamp, reader.key(), reader.value()]).toEqual([0, 50, Buffer.from('a'), null]);
    expect(reader.headers()).toEqual([{ key: 'h', value: Buffer.from('v') }]);
    expect(reader.next()).toBe(true);
    expect([reader.offset, reader.timestamp, reader.key()]).toEqual([1, 43, null]);
    expect(reader.value()).toEqual(Buffer.alloc(70, 'b'));
    expect(reader.hasHeaders).toBe(false);
    expect(reader.next()).toBe(false);
    expect(reader.next()).toBe(false);
  });

  test('the header tells all of a batch', () => {
    const bytes = threeRecords();
    expect(readHeader(bytes)).toEqual({
      baseOffset: 0,
      lastOffset: 2,
      count: 3,
      baseTimestamp: 1_700_000_000_000,
      maxTimestamp: 1_700_000_000_500,
      leaderEpoch: -1,
      producerId: -1,
      producerEpoch: -1,
      baseSequence: -1,
      transactional: false,
      control: false,
      appendTime: false,
      length: bytes.length,
    });
    sealBatch(bytes, { producer: { id: 7, epoch: 2, sequence: 40 }, transactional: true, appendTime: 123 });
    placeBatch(bytes, 1_000, 4);
    const sealed = { producerId: 7, producerEpoch: 2, baseSequence: 40, transactional: true, appendTime: true };
    expect(readHeader(bytes)).toMatchObject({ ...sealed, maxTimestamp: 123, baseOffset: 1_000, lastOffset: 1_002 });
  });

  test("the log's time stands for every record, whatever the producer said", () => {
    const bytes = threeRecords();
    sealBatch(bytes, { appendTime: 777 });
    const reader = new BatchReader();
    reader.open(bytes);
    while (reader.next()) expect(reader.timestamp).toBe(777);
    expect(reader.offset).toBe(2);
  });

  test('placing a batch leaves its checksum whole', () => {
    const bytes = threeRecords();
    sealBatch(bytes, {});
    placeBatch(bytes, 2 ** 50, 12);
    expect(() => verifyBatch(bytes)).not.toThrow();
  });
});

describe('damage', () => {
  const sealed = (): Buffer => {
    const bytes = threeRecords();
    sealBatch(bytes, {});
    return bytes;
  };
  const corrupt = expect.objectContaining({ name: 'GavelError', code: 'BATCH_CORRUPT' }) as Error;

  test('any cut is noticed', () => {
    const bytes = sealed();
    for (let length = 0; length < bytes.length; length++) {
      expect(() => batchEnd(bytes.subarray(0, length), 0)).toThrow(corrupt);
      expect(() => new BatchReader().open(bytes.subarray(0, length))).toThrow(corrupt);
      expect(() => verifyBatch(bytes.subarray(0, length))).toThrow(corrupt);
    }
  });

  test('any flipped bit behind the place in the log is noticed', () => {
    const bytes = sealed();
    for (let at = 16; at < bytes.length; at++) {
      const damaged = Buffer.from(bytes);
      damaged[at] = (damaged[at] as number) ^ (1 << (at % 8));
      expect(() => verifyBatch(damaged), `byte ${at}`).toThrow(corrupt);
    }
  });

  test('another magic is refused with what it is', () => {
    const bytes = sealed();
    bytes[16] = 1;
    expect(() => readHeader(bytes)).toThrow(/magic is 1, not 2/);
  });

  test('compressed batches are refused', () => {
    const bytes = sealed();
    bytes.writeInt16BE(4, 21);
    expect(() => new BatchReader().open(bytes)).toThrow(/compressed/);
  });

  test('a length below the header or negative is refused', () => {
    for (const length of [-1, 0, 48]) {
      const bytes = sealed();
      bytes.writeInt32BE(length, 8);
      expect(() => batchEnd(bytes, 0)).toThrow(corrupt);
    }
  });

  test('records that reach beyond their batch are refused, however the bytes go on', () => {
    const bytes = sealed();
    let refused = 0;
    for (let at = 61; at < bytes.length; at++) {
      const damaged = Buffer.concat([bytes, Buffer.alloc(16, 0xff)]);
      damaged[at] = 0xff;
      const reader = new BatchReader();
      reader.open(damaged);
      const read = (): void => {
        while (reader.next()) reader.headers();
      };
      refused += codeOf(read) === 'BATCH_CORRUPT' ? 1 : 0;
      expect(reader.key()?.byteLength ?? 0).toBeLessThanOrEqual(damaged.length);
    }
    expect(refused).toBeGreaterThan(10);
  });
});

describe('writer', () => {
  test('takes an unfinished record back and goes on', () => {
    const writer = new BatchWriter(64);
    writer.start(10);
    writer.keyBytes(Buffer.from('a'));
    writer.value(stringSerde, 'first');
    writer.end([]);
    writer.start(99_999);
    writer.keyBytes(Buffer.from('b'.repeat(500)));
    writer.undo();
    writer.start(12);
    writer.keyBytes(Buffer.from('c'));
    writer.value(stringSerde, 'second');
    writer.end([]);
    const { bytes, count } = writer.take();
    expect(count).toBe(2);
    expect(readHeader(bytes)).toMatchObject({ count: 2, lastOffset: 1, baseTimestamp: 10 });
    const reader = new BatchReader();
    reader.open(bytes);
    const values: (string | undefined)[] = [];
    while (reader.next()) values.push(reader.value()?.toString());
    expect(values).toEqual(['first', 'second']);
  });

  test('leaves no trace of a record that was taken back last', () => {
    const writer = new BatchWriter();
    writer.start(10);
    writer.keyBytes(Buffer.from('a'));
    writer.value(stringSerde, 'only');
    writer.end([]);
    writer.start(99_999);
    writer.keyBytes(Buffer.from('b'));
    writer.undo();
    expect(readHeader(writer.take().bytes)).toMatchObject({ count: 1, lastOffset: 0, maxTimestamp: 10 });
  });

  test('is empty after take and clear, and cannot be taken empty', () => {
    const writer = new BatchWriter();
    expect(() => writer.take()).toThrow(expect.objectContaining({ code: 'ILLEGAL_STATE' }));
    writer.start(1);
    writer.keyBytes(null);
    writer.value(jsonSerde(), { a: 1 });
    writer.end([]);
    const first = writer.take();
    writer.start(2);
    writer.keyBytes(null);
    writer.valueBytes(null);
    writer.end([]);
    writer.clear();
    expect(writer.count).toBe(0);
    expect(() => writer.take()).toThrow(/at least one record/);
    const reader = new BatchReader();
    reader.open(first.bytes);
    expect(reader.next()).toBe(true);
    expect(reader.value()?.toString()).toBe('{"a":1}');
  });

  test('leaves gaps between offsets where it is told to', () => {
    const writer = new BatchWriter();
    for (const delta of [0, 5, 2_000_000]) {
      writer.start(1, delta);
      writer.keyBytes(null);
      writer.valueBytes(null);
      writer.end([]);
    }
    const { bytes } = writer.take();
    placeBatch(bytes, 100, 0);
    const reader = new BatchReader();
    reader.open(bytes);
    const offsets: number[] = [];
    while (reader.next()) offsets.push(reader.offset);
    expect(offsets).toEqual([100, 105, 2_000_100]);
    expect(readHeader(bytes).lastOffset).toBe(2_000_100);
  });
});

/** The code that a call fails with; undefined where it does not. Anything but an error of ours goes on. */
function codeOf(call: () => void): string | undefined {
  try {
    call();
    return undefined;
  } catch (error) {
    if (error instanceof GavelError) return error.code;
    throw error;
  }
}
