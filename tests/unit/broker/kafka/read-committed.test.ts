/** What a read-committed consumer sees of a record set. */

import { describe, expect, it } from 'vitest';
import { compressBatch } from '../../../../broker/kafka/compression.ts';
import type { Compression } from '../../../../broker/kafka/options.ts';
import { readCommitted } from '../../../../broker/kafka/read-committed.ts';
import { ATTRIBUTES, CONTROL, CRC } from '../../../../streams/record-batch/format.ts';
import { BatchWriter, placeBatch, sealBatch } from '../../../../streams/record-batch/index.ts';
import { batch, valuesOf } from '../../../contract/broker-support.ts';

const [COMMIT, ABORT] = [1, 0] as const;

interface Placed {
  readonly at: number;
  readonly producer?: number;
  readonly transactional?: boolean;
  readonly compression?: Compression;
}

function data(
  values: readonly string[],
  { at, producer = 1, transactional = true, compression = 'none' }: Placed,
): Buffer {
  const bytes = compressBatch(batch('a', 0, ...values).bytes, compression);
  sealBatch(bytes, { producer: { id: producer, epoch: 0, sequence: 0 }, transactional });
  placeBatch(bytes, at, 0);
  return bytes;
}

function marker(type: number, at: number, producer = 1): Buffer {
  const writer = new BatchWriter();
  writer.start(0);
  writer.keyBytes(Buffer.from([0, 0, 0, type]));
  writer.valueBytes(null);
  writer.end([]);
  const { bytes } = writer.take();
  bytes.writeInt16BE(CONTROL, ATTRIBUTES);
  sealBatch(bytes, { producer: { id: producer, epoch: 0, sequence: -1 }, transactional: true });
  placeBatch(bytes, at, 0);
  return bytes;
}

function visible(parts: readonly Buffer[], aborted: Parameters<typeof readCommitted>[2] = [], from = 0): string[] {
  const { batches } = readCommitted(Buffer.concat(parts), from, aborted);
  return valuesOf({ topic: 'a', partition: 0, batches, from, position: 0, lastStableOffset: 0 });
}

describe('read committed', () => {
  it('leaves out markers and what was aborted, and stands behind them', () => {
    const records = [data(['bad'], { at: 0 }), marker(ABORT, 1), data(['good'], { at: 2 }), marker(COMMIT, 3)];
    const aborted = [{ producerId: 1, firstOffset: 0 }];
    expect(visible(records, aborted)).toEqual(['2=good']);
    expect(readCommitted(Buffer.concat(records), 0, aborted).position).toBe(4);
    expect(readCommitted(Buffer.concat(records.slice(0, 2)), 0, aborted)).toEqual({ batches: [], position: 2 });
  });

  it('tells interleaved producers apart, each with several transactions', () => {
    const records = [
      data(['p-bad'], { at: 0, producer: 1 }),
      data(['q-good'], { at: 1, producer: 2 }),
      data(['plain'], { at: 2, producer: 1, transactional: false }),
      marker(ABORT, 3, 1),
      data(['p-good'], { at: 4, producer: 1 }),
      marker(COMMIT, 5, 1),
      marker(COMMIT, 6, 2),
      data(['q-bad'], { at: 7, producer: 2 }),
      data(['p-bad'], { at: 8, producer: 1 }),
      marker(ABORT, 9, 1),
      marker(ABORT, 10, 2),
    ];
    const aborted = [
      { producerId: 1, firstOffset: 8 },
      { producerId: 2, firstOffset: 7 },
      { producerId: 1, firstOffset: 0 },
    ];
    expect(visible(records, aborted)).toEqual(['1=q-good', '2=plain', '4=p-good']);
  });

  it('leaves out a transaction that began before the answer does', () => {
    const records = [data(['bad'], { at: 5 }), marker(ABORT, 6), data(['good'], { at: 7 })];
    expect(visible(records, [{ producerId: 1, firstOffset: 2 }], 5)).toEqual(['7=good']);
  });

  it('stops before a batch that is cut off, wherever it is', () => {
    const whole = data(['x', 'y'], { at: 0 });
    const cut = data(['z'], { at: 2 });
    for (let length = 0; length < cut.length; length++) {
      const records = Buffer.concat([whole, cut.subarray(0, length)]);
      expect(readCommitted(records, 0, []).position).toBe(2);
    }
  });

  it('answers nothing for nothing', () => {
    expect(readCommitted(Buffer.alloc(0), 7, [])).toEqual({ batches: [], position: 7 });
  });

  it.each(['none', 'gzip', 'snappy', 'lz4', 'zstd'] as const)('reads batches compressed with %s', (compression) => {
    const values = Array.from({ length: 100 }, (_, i) => `value ${i}`);
    const records = [data(values, { at: 10, compression })];
    expect(visible(records, [], 10)).toEqual(values.map((value, i) => `${i + 10}=${value}`));
  });

  it('refuses damaged batches', () => {
    const damaged = data(['x'], { at: 0 });
    damaged.fill(0, CRC, CRC + 4);
    expect(() => readCommitted(damaged, 0, [])).toThrow(expect.objectContaining({ code: 'BATCH_CORRUPT' }));
    const unreadable = compressBatch(batch('a', 0, 'x'.repeat(100)).bytes, 'gzip');
    unreadable.fill(7, 61, 71);
    sealBatch(unreadable, {});
    expect(() => readCommitted(unreadable, 0, [])).toThrow(expect.objectContaining({ code: 'BATCH_CORRUPT' }));
  });
});
