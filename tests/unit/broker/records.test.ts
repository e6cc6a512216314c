/** Records one by one: what is sent is read, in the partitions where it belongs. */

import { afterEach, beforeEach, expect, test } from 'vitest';
import type { MemoryBroker, RawRecord, RecordRange } from '../../../broker/index.ts';
import { memoryBroker, readRecords, recordProducer } from '../../../broker/index.ts';
import { partitionOf } from '../../../streams/partitioner.ts';
import { bytesSerde, stringSerde } from '../../../streams/serde.ts';
import { defineTopic } from '../../../streams/topic.ts';
import { VirtualClock } from '../../../testing/virtual-clock.ts';
import { codeOf, until } from '../../contract/broker-support.ts';

const TEXTS = defineTopic({ name: 'texts', key: stringSerde, value: stringSerde, partitions: 4 });
const BYTES = defineTopic({ name: 'bytes', key: stringSerde, value: bytesSerde, partitions: 1 });

let broker: MemoryBroker;
const clock = new VirtualClock(7_000);
beforeEach(async () => {
  broker = memoryBroker({ clock });
  await broker.createTopics([TEXTS, BYTES]);
});
afterEach(() => broker.close());

async function read(ranges: readonly RecordRange[]): Promise<RawRecord[]> {
  const records: RawRecord[] = [];
  for await (const record of readRecords(broker, ranges)) records.push(record);
  return records;
}

/** All of a topic, ordered by partition. */
async function readAll(topic: { readonly name: string; readonly partitions: number }): Promise<RawRecord[]> {
  const partitions = Array.from({ length: topic.partitions }, (_, partition) => ({ topic: topic.name, partition }));
  const ends = await broker.listOffsets(partitions, 'latest');
  const records = await read(ends.map(({ offset, ...partition }) => ({ ...partition, from: 0, to: offset })));
  return records.sort((a, b) => a.partition - b.partition || a.offset - b.offset);
}

test('records go to the partition of their key, with time and headers, in order', async () => {
  const producer = recordProducer(broker, clock);
  const keys = ['21', 'foobar', 'a-little-bit-long-string', '21', 'abc', '21'];
  const header = { key: 'h', value: Buffer.from('v') };
  await producer.send(
    TEXTS,
    keys.map((key, i) => ({ key, value: `${i}`, ...(i === 1 && { timestamp: 5, headers: [header] }) })),
  );
  const records = await readAll(TEXTS);
  for (const [i, key] of keys.entries()) {
    const found = records.find(({ value }) => value?.toString() === `${i}`);
    expect(found).toMatchObject({ key: Buffer.from(key), partition: partitionOf(Buffer.from(key), 4) });
    expect(found?.timestamp).toBe(i === 1 ? 5 : 7_000);
    expect(found?.headers).toEqual(i === 1 ? [header] : []);
  }
  const of21 = records.filter(({ key }) => key?.toString() === '21').map(({ value }) => value?.toString());
  expect(of21).toEqual(['0', '3', '5']);
  await producer.close();
});

test('a partition that is named wins, keyless records move on per call, nulls stay nulls', async () => {
  const producer = recordProducer(broker, clock);
  await producer.send(TEXTS, [{ key: '21', value: 'named', partition: 3 }]);
  for (let i = 0; i < 4; i++) {
    await producer.send(TEXTS, [
      { key: null, value: 'a' },
      { key: null, value: null },
    ]);
  }
  const records = await readAll(TEXTS);
  expect(records.find(({ value }) => value?.toString() === 'named')?.partition).toBe(3);
  const keyless = records.filter(({ key }) => key === null);
  expect(keyless.map(({ partition }) => partition)).toEqual([0, 0, 1, 1, 2, 2, 3, 3]);
  expect(keyless.filter(({ value }) => value === null)).toHaveLength(4);
});

test('batches stay below 700 KB, a larger record stands alone, and calls keep their order', async () => {
  const producer = recordProducer(broker, clock);
  const sizes: number[] = [];
  broker.control.intercept(({ operation }) => void (operation === 'produce' && sizes.push(1)));
  const value = (n: number, size: number) => ({ key: `${n}`, value: Buffer.alloc(size, n) });
  const first = producer.send(
    BYTES,
    Array.from({ length: 30 }, (_, n) => value(n, 200_000)),
  );
  const second = producer.send(BYTES, [value(30, 900_000), value(31, 10)]);
  const produced = [...(await first), ...(await second)];
  expect(produced.map(({ count }) => count)).toEqual([3, 3, 3, 3, 3, 3, 3, 3, 3, 3, 1, 1]);
  expect(produced.map(({ baseOffset }) => baseOffset)).toEqual([0, 3, 6, 9, 12, 15, 18, 21, 24, 27, 30, 31]);
  expect(sizes.length).toBeGreaterThan(2); // not all bytes at once
  expect((await readAll(BYTES)).map(({ key }) => Number(key))).toEqual(Array.from({ length: 32 }, (_, n) => n));
});

test('an error is told to its call, and the next call goes on', async () => {
  const producer = recordProducer(broker, clock);
  const tooLarge = producer.send(BYTES, [{ key: 'x', value: Buffer.alloc(2_000_000) }]);
  const next = producer.send(BYTES, [{ key: 'y', value: Buffer.alloc(1) }]);
  expect(await codeOf(tooLarge)).toBe('RECORD_TOO_LARGE');
  expect(await next).toMatchObject([{ baseOffset: 0, count: 1 }]);
});

test('ranges are read up to their ends, which may be inside of a batch or not there yet', async () => {
  const producer = recordProducer(broker, clock);
  await producer.send(
    BYTES,
    [0, 1, 2, 3].map((n) => ({ key: `${n}`, value: Buffer.alloc(1) })),
  );
  const inside = await read([{ topic: 'bytes', partition: 0, from: 1, to: 3 }]);
  expect(inside.map(({ offset }) => offset)).toEqual([1, 2]);
  expect(await read([{ topic: 'bytes', partition: 0, from: 2, to: 2 }])).toEqual([]);
  expect(await read([])).toEqual([]);
  const later = read([{ topic: 'bytes', partition: 0, from: 3, to: 6 }]);
  await until(() => broker.control.idle());
  await producer.send(
    BYTES,
    [4, 5, 6].map((n) => ({ key: `${n}`, value: Buffer.alloc(1) })),
  );
  expect((await later).map(({ offset }) => offset)).toEqual([3, 4, 5]);
});

test('a range ends at its position though its last records are markers', async () => {
  const transactions = broker.transactionalProducer('id');
  await transactions.init();
  const open = transactions.begin();
  await recordProducer(broker, clock).send(BYTES, [{ key: 'k', value: Buffer.alloc(1) }]);
  await open.commitOffsets({ groupId: 'g', generation: -1, memberId: '' }, []);
  await open.commit();
  const aborted = transactions.begin();
  await aborted.produce([{ topic: 'bytes', partition: 0, ...(await someBatch()) }]);
  await aborted.abort();
  const [end] = await broker.listOffsets([{ topic: 'bytes', partition: 0 }], 'latest');
  expect(end?.offset).toBe(3);
  const records = await read([{ topic: 'bytes', partition: 0, from: 0, to: 3 }]);
  expect(records.map(({ offset }) => offset)).toEqual([0]);
});

test('an unknown topic and an offset that is gone are thrown', async () => {
  expect(await codeOf(read([{ topic: 'none', partition: 0, from: 0, to: 1 }]))).toBe('TOPIC_UNKNOWN');
  expect(await codeOf(read([{ topic: 'bytes', partition: 0, from: 1, to: 2 }]))).toBe('OFFSET_OUT_OF_RANGE');
});

test('leaving the loop early closes the fetcher', async () => {
  await recordProducer(broker, clock).send(
    BYTES,
    [0, 1].map((n) => ({ key: `${n}`, value: Buffer.alloc(1) })),
  );
  for await (const record of readRecords(broker, [{ topic: 'bytes', partition: 0, from: 0, to: 9 }])) {
    expect(record.offset).toBe(0);
    break;
  }
  await recordProducer(broker, clock).send(BYTES, [{ key: 'x', value: Buffer.alloc(1) }]);
  await until(() => broker.control.idle());
  expect(broker.control.idle()).toBe(true);
});

async function someBatch(): Promise<{ readonly bytes: Buffer; readonly count: number }> {
  const { BatchWriter } = await import('../../../streams/record-batch/index.ts');
  const writer = new BatchWriter();
  writer.start(1);
  writer.keyBytes(null);
  writer.valueBytes(null);
  writer.end([]);
  return writer.take();
}
