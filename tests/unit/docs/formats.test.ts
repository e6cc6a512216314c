/** The bytes that docs/formats.md tells of and no other test asserts. */

import { PassThrough } from 'node:stream';
import type { Socket } from 'node:net';
import { deserialize } from 'node:v8';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import {
  bytesSerde,
  defineTopic,
  integerSerde,
  jsonSerde,
  keyValueStore,
  port,
  processor,
  serializeToBuffer,
  sink,
  source,
  stringSerde,
  topology,
} from 'gavel/streams';
import type { Serde, Topic } from 'gavel/streams';
import { memoryBroker } from 'gavel/broker';
import { memoryState } from 'gavel/stores';
import { VirtualClock, createTestDriver } from 'gavel/testing';
import type { OutputRecord, TestDriver } from 'gavel/testing';
import {
  batchRow,
  encodeJournal,
  journalRowKey,
  logKey,
  offsetRowKey,
  partitionRowKey,
} from '../../../broker/embedded/keys.ts';
import { readFrames, sendFrame } from '../../../broker/remote/frames.ts';

const NOON = Date.UTC(2026, 0, 1, 12);
const hex = (text: string): string => Buffer.from(text).toString('hex');

describe('a task', () => {
  const input = defineTopic({
    name: 'in',
    key: stringSerde,
    value: integerSerde,
    partitions: 1,
    timestampType: 'append',
  });
  const output = defineTopic({ name: 'out', key: stringSerde, value: integerSerde, partitions: 1 });
  const due = keyValueStore({
    name: 'due',
    key: stringSerde,
    value: integerSerde,
    indexes: { at: (_key, at) => at },
  });
  const keep = processor({
    name: 'keep',
    from: [source({ name: 'in', topic: input, clock: true }).out],
    ports: { out: port<string, number>() },
    stores: { due },
    create: (context) => ({
      process({ key, value }) {
        if (value === 0) context.deadLetter('ZERO', 'nothing to keep');
        else {
          context.stores.due.put(key, value);
          context.wakeAt(NOON + 1_000);
        }
      },
    }),
  });
  const graph = topology({ task: [sink({ name: 'out', from: [keep.out.out], topic: output })] });

  const state = memoryState();
  const rows = new Map<string, Buffer>();
  const joined: unknown[] = [];
  const assigned: unknown[] = [];
  let driver: TestDriver;
  let log: OutputRecord<Uint8Array, Uint8Array>[];
  let changelog: OutputRecord<Uint8Array, Uint8Array>[];
  let dead: OutputRecord<Uint8Array, Uint8Array>[];

  const raw = (name: string): Topic<Uint8Array, Uint8Array> =>
    defineTopic({ name, key: bytesSerde, value: bytesSerde, partitions: 1 });

  beforeAll(async () => {
    const clock = new VirtualClock(NOON);
    const broker = memoryBroker({ clock });
    const join = broker.groups.join.bind(broker.groups);
    const sync = broker.groups.sync.bind(broker.groups);
    broker.groups.join = (request) => {
      joined.push(JSON.parse(request.metadata.toString()));
      return join(request);
    };
    broker.groups.sync = async (request) => {
      const answer = await sync(request);
      assigned.push(JSON.parse(answer.toString()));
      return answer;
    };
    driver = await createTestDriver({ topology: graph, broker, clock, applicationId: 'app', state: () => state });
    await driver.pipe(input, [
      { key: 'k', value: 5 },
      { key: 'z', value: 0, headers: [{ key: 'h', value: Buffer.from('v') }] },
    ]);
    await driver.advance(1_000);
    log = await driver.read(raw('in'));
    changelog = await driver.read(raw('app-task-changelog'));
    dead = await driver.readDeadLetters(input);
    await driver.close();
    const storage = await state.open('task-0');
    const iterator = storage.iterate({ gte: Buffer.alloc(0), lt: Buffer.from([0xff]) });
    for (const [key, value] of await iterator.next(100)) rows.set(key.toString('hex'), value);
    await iterator.close();
    await storage.close();
  });
  afterAll(() => driver.broker.close());

  const rowKey = `01 03 ${hex('due')} ${hex('k')}`.replaceAll(' ', '');
  const fiveBytes = serializeToBuffer(integerSerde, 5).toString('hex');

  test('keeps its position, its rows and its indexes under these keys', () => {
    const times = `01 00 ${hex('times')}`.replaceAll(' ', '');
    const index = `02 03 ${hex('due')} 02 ${hex('at')} ${fiveBytes} ${hex('k')}`.replaceAll(' ', '');
    expect([...rows.keys()]).toEqual(['00', times, rowKey, index]);
    expect(fiveBytes).toBe('8000000000000005');
    expect(rows.get(rowKey)?.toString('hex')).toBe(fiveBytes);
    expect(rows.get(index)?.toString('hex')).toBe('01');
    expect(JSON.parse(String(rows.get('00')))).toEqual({
      changelog: { topicId: expect.any(String), position: expect.any(Number), leaderEpoch: 0 },
      offsets: { 'in:0': 3 },
      writtenAt: NOON + 1_000,
    });
  });

  test('logs rows without the first byte of their keys, no index rows, and its times as a row', () => {
    const keys = changelog.map(({ key }) => Buffer.from(key as Uint8Array).toString('hex'));
    expect(keys).toContain(rowKey.slice(2));
    expect(keys).toContain(`00${hex('times')}`);
    expect(new Set(keys).size).toBe(2);
    const [first] = changelog.filter(({ value }) => String(value).startsWith('{'));
    expect(JSON.parse(Buffer.from(first?.value as Uint8Array).toString())).toEqual({
      streamTime: NOON,
      partitionTimes: { in: NOON },
      wakes: { keep: NOON + 1_000 },
    });
  });

  test('has the clock appended as an empty record with one header', () => {
    const { key, value, headers, timestamp } = log[2] as (typeof log)[number];
    expect({ key, value, headers, timestamp }).toEqual({
      key: null,
      value: null,
      headers: [{ key: 'gavel-clock', value: null }],
      timestamp: NOON + 1_000,
    });
  });

  test('puts the reason behind the headers of a dead letter', () => {
    const [{ key, value, headers } = {}] = dead;
    expect(String(key)).toBe('z');
    expect(value).toEqual(serializeToBuffer(integerSerde, 0));
    expect(headers?.map((header) => [header.key, String(header.value)])).toEqual([
      ['h', 'v'],
      ['gavel-error-stage', 'application'],
      ['gavel-error-reason', 'ZERO'],
      ['gavel-error-message', 'nothing to keep'],
      ['gavel-error-topic', 'in'],
      ['gavel-error-partition', '0'],
      ['gavel-error-offset', '1'],
    ]);
  });

  test('is spoken of between members in JSON', () => {
    expect(joined[0]).toEqual({
      version: 1,
      instanceId: '0',
      transactionalId: 'app-0',
      incarnation: expect.any(String),
      owned: [],
      subtopologies: { task: 1 },
    });
    expect(assigned[0]).toEqual({ version: 1, tasks: ['task-0'], transactionalIds: ['app-0'], refused: false });
  });
});

test('the basic serdes', () => {
  const bytes = <T>(serde: Serde<T>, value: T): string => serializeToBuffer(serde, value).toString('hex');
  expect(bytes(stringSerde, 'aé')).toBe('61c3a9');
  expect([-1, 0, 2 ** 32].map((value) => bytes(integerSerde, value))).toEqual([
    '7fffffffffffffff',
    '8000000000000000',
    '8000000100000000',
  ]);
  expect(bytes(jsonSerde<unknown>(), { a: [1] })).toBe(hex('{"a":[1]}'));
  expect(bytes(bytesSerde, Buffer.from([1, 2]))).toBe('0102');
});

test('the keys of the embedded log', () => {
  const sequence = 2 ** 32 + 9;
  expect(logKey(sequence, 7, 2).toString('hex')).toBe('0000000100000009' + '00000007' + '00000002');
  expect(logKey(9).toString('hex')).toBe('0000000000000009' + '00000000' + '00000000');
  const { key, value } = batchRow(7, 2, { last: 338, sequence, bytes: 60_505, maxTimestamp: NOON });
  expect(key.toString('hex')).toBe(hex('b') + '00000007' + '00000002' + '0000000000000152');
  expect(value?.toString('hex')).toBe('0000000100000009' + '0000ec59' + NOON.toString(16).padStart(16, '0'));
  expect(partitionRowKey(7, 2).toString('hex')).toBe(hex('p') + '00000007' + '00000002');
  expect(journalRowKey(9).toString('hex')).toBe(hex('j') + '0000000000000009');
  expect(offsetRowKey('g', 't', 2).toString()).toBe('o["g","t",2]');
  const rows = [
    { key: Buffer.from('ta'), value: Buffer.from('{}') },
    { key: Buffer.from('d1'), value: null },
  ];
  expect(encodeJournal(rows).toString('hex')).toBe(
    `00000002${hex('ta')}00000002${hex('{}')}` + `00000002${hex('d1')}ffffffff`,
  );
});

test('a frame of the local socket is its length and a value of V8', async () => {
  const message = { id: 1, on: 0, method: 'listOffsets', args: [[], Buffer.from([1, 2])] };
  const socket = new PassThrough();
  sendFrame(socket as unknown as Socket, message);
  const bytes = socket.read() as Buffer;
  expect(bytes.readUInt32BE(0)).toBe(bytes.length - 4);
  expect(deserialize(bytes.subarray(4))).toEqual(message);

  const frames: unknown[] = [];
  readFrames(socket as unknown as Socket, (frame) => frames.push(frame));
  for (const byte of Buffer.concat([bytes, bytes])) socket.write(Buffer.from([byte]));
  await expect.poll(() => frames).toEqual([message, message]);
});
