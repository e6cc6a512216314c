/** The parts of the embedded broker: one write for many callers, bounded tails, a log that does not keep what it need not. */

import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { ClassicLevel } from 'classic-level';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { decodeJournal, encodeJournal } from '../../../broker/embedded/keys.ts';
import { Fifo } from '../../../broker/embedded/fifo.ts';
import { FreeSpace } from '../../../broker/embedded/free-space.ts';
import { Tail, TailCache } from '../../../broker/embedded/tail-cache.ts';
import type { EmbeddedBroker } from '../../../broker/index.ts';
import { openEmbeddedBroker } from '../../../broker/index.ts';
import { batch, codeOf, readAll, topic } from '../../contract/broker-support.ts';

describe('writing', () => {
  let directory = '';
  let broker: EmbeddedBroker;
  beforeEach(async () => {
    directory = await mkdtemp(join(tmpdir(), 'gavel-embedded-'));
    broker = await openEmbeddedBroker({ directory, owner: { command: 'vitest', pid: process.pid } });
    await broker.createTopics([topic('a', 2, { retentionMs: -1 })]);
  });
  afterEach(async () => {
    vi.restoreAllMocks();
    await broker.close().catch(() => undefined); // where a test has made writing fail
    await rm(directory, { recursive: true });
  });

  test('callers of one moment share one synced write', async () => {
    const write = vi.spyOn(ClassicLevel.prototype, 'batch');
    const produced = await Promise.all(
      Array.from({ length: 20 }, (_, i) => broker.producer().produce([batch('a', i % 2, `${i}`)])),
    );
    expect(produced.flat()).toHaveLength(20);
    expect(write).toHaveBeenCalledTimes(1);
    expect(write).toHaveBeenCalledWith(expect.anything(), { sync: true });
  });

  test('one that is refused does not touch the others', async () => {
    const [good, bad, alsoGood] = await Promise.allSettled([
      broker.producer().produce([batch('a', 0, 'x')]),
      broker.createTopics([topic('b'), topic('a', 9)]),
      broker.producer().produce([batch('a', 0, 'y')]),
    ]);
    expect([good.status, bad.status, alsoGood.status]).toEqual(['fulfilled', 'rejected', 'fulfilled']);
    expect(await readAll(broker, 'a')).toEqual(['0=x', '1=y']);
    expect(await broker.describeTopics(['b'])).toEqual([]);
  });

  test('a transaction for a topic that has gone meanwhile fails as a whole', async () => {
    await broker.createTopics([topic('gone')]);
    const producer = broker.transactionalProducer('id');
    await producer.init();
    const open = producer.begin();
    await open.produce([batch('a', 0, 'x'), batch('gone', 0, 'y')]);
    await broker.deleteTopics(['gone']);
    expect(await codeOf(open.commit())).toBe('TOPIC_UNKNOWN');
    expect(await readAll(broker, 'a')).toEqual([]);
    expect(await broker.producer().produce([batch('a', 0, 'z')])).toMatchObject([{ baseOffset: 0 }]);
  });

  test('after a failed write nothing more is written: what came then could be lost', async () => {
    await broker.producer().produce([batch('a', 0, 'x')]);
    vi.spyOn(ClassicLevel.prototype, 'batch').mockRejectedValueOnce(new Error('IO error: bad sector'));
    const [first, second] = [
      broker.producer().produce([batch('a', 0, 'y')]),
      broker.groups.commitOffsets({ groupId: 'g', generation: -1, memberId: '' }, []),
    ];
    expect([await codeOf(first), await codeOf(second)]).toEqual(['OUTCOME_UNKNOWN', 'OUTCOME_UNKNOWN']);
    expect(await codeOf(broker.producer().produce([batch('a', 0, 'z')]))).toBe('OUTCOME_UNKNOWN');
    expect(await readAll(broker, 'a')).toEqual(['0=x']);
  });

  test('cleaning removes the journals of offsets that the index has', async () => {
    const nobody = { groupId: 'g', generation: -1, memberId: '' };
    for (let offset = 0; offset < 150; offset++) {
      await broker.groups.commitOffsets(nobody, [{ topic: 'a', partition: 0, offset, metadata: '' }]);
    }
    await broker.producer().produce([batch('a', 0, 'x')]);
    await broker.clean();
    await broker.close();
    const level = new ClassicLevel(join(directory, 'log'), { keyEncoding: 'buffer' });
    const keys = await level.keys().all();
    await level.close();
    expect(keys.length).toBeLessThan(10);
    broker = await openEmbeddedBroker({ directory, owner: { command: 'vitest', pid: process.pid } });
    expect(await broker.groups.listOffsets('g')).toMatchObject([{ offset: 149 }]);
    expect(await readAll(broker, 'a')).toEqual(['0=x']);
  });
});

describe('the tail cache', () => {
  const bytes = (length: number) => Buffer.alloc(length);

  test('keeps the newest of all partitions within its bound, oldest first out', () => {
    const cache = new TailCache(100);
    const [one, two] = [new Tail(0), new Tail(0)];
    for (let i = 0; i < 10; i++) cache.push(i % 2 === 0 ? one : two, Math.floor(i / 2), bytes(30), i);
    cache.evict(Infinity);
    expect([one.from, two.from]).toEqual([4, 3]);
    expect(two.read(3, 1_000)).toMatchObject({ position: 5 });
  });

  test('keeps what cannot be found on the disk yet, whatever its bound', () => {
    const cache = new TailCache(0);
    const tail = new Tail(0);
    for (let i = 0; i < 5; i++) cache.push(tail, i, bytes(10), i);
    cache.evict(3);
    expect(tail.from).toBe(3);
    expect(tail.read(3, 1_000).batches).toHaveLength(2);
  });

  test('reads from inside of a batch, up to the bytes, at least one batch', () => {
    const tail = new Tail(0);
    for (const last of [4, 9, 14]) tail.push(last, bytes(50));
    expect(tail.read(7, 1)).toMatchObject({ batches: [bytes(50)], position: 10 });
    expect(tail.read(0, 100)).toMatchObject({ batches: [bytes(50), bytes(50)], position: 10 });
    expect(tail.read(15, 100)).toEqual({ batches: [], position: 15 });
  });
});

test('a journal is read as it was written', () => {
  const rows = [
    { key: Buffer.from('o["g","t",0]'), value: Buffer.from('{}') },
    { key: Buffer.alloc(0), value: Buffer.alloc(0) },
    { key: Buffer.from([0, 255]), value: null },
    { key: Buffer.from('x'), value: Buffer.alloc(70_000, 1) },
  ];
  expect(decodeJournal(encodeJournal(rows))).toEqual(rows);
  expect(decodeJournal(encodeJournal([]))).toEqual([]);
});

test('a queue gives back in order, and forgets what it gave', () => {
  const queue = new Fifo<number>();
  let next = 0;
  for (let i = 0; i < 1_000; i++) {
    queue.push(2 * i);
    queue.push(2 * i + 1);
    expect(queue.shift()).toBe(next++);
    expect(queue.at(0)).toBe(next);
  }
  expect(queue.length).toBe(1_000);
  while (queue.length > 0) expect(queue.shift()).toBe(next++);
  expect(queue.shift()).toBeUndefined();
});

test('the disk is looked at before it can be full, and again after each refusal', () => {
  let free = 1_000;
  let looks = 0;
  const freeBytes = (): number => {
    looks++;
    return free;
  };
  const space = new FreeSpace({ directory: '/', minFreeBytes: 400, freeBytes });
  for (let taken = 0; taken < 600; taken += 100) {
    space.take(100);
    free -= 100;
  }
  expect(looks).toBeLessThan(6);
  expect(() => {
    for (let i = 0; i < 2; i++) {
      space.take(100);
      free -= 100;
    }
  }).toThrow(expect.objectContaining({ code: 'STORAGE_FULL' }));
  free = 10_000;
  space.take(100);
});
