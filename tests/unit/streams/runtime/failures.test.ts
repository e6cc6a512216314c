/** A record's effects are all or nothing, whatever fails: decoding, processing, writing; handlers; what must be fetched first. */

import { expect, test } from 'vitest';
import { GavelError, SerdeNotReady, port, processor, sink, source, stringSerde, topology } from 'gavel/streams';
import type { Failure, FailureAnswer, Topology } from 'gavel/streams';
import { createTestDriver } from 'gavel/testing';
import type { TestDriver } from 'gavel/testing';
import { headersOf, input, output, pairs, rows, stepTopology, textTopic, values } from './support.ts';
import type { Step } from './support.ts';

const second = textTopic({ name: 'second' });

/** Puts and forwards twice, to two topics; `early` throws before, `late` after all of it, `wait` after a turn. */
function effectful(): Topology {
  const records = source({ name: 'in', topic: input });
  const step = processor({
    name: 'step',
    from: [records.out],
    ports: { out: port<string, string>(), more: port<string, string>() },
    stores: { rows },
    create: (context) => ({
      process({ key, value }) {
        if (value === 'early') throw new Error('early');
        const before = context.stores.rows.get(key) ?? '';
        context.stores.rows.put(key, `${before}${value};`);
        context.forward('out', key, `${before}${value};`);
        context.stores.rows.put('last', key);
        context.forward('more', key, value);
        context.count('records_seen', LABELS);
        if (value === 'late') throw new Error('late');
        if (value !== 'wait') return undefined;
        return (async () => {
          await Promise.resolve();
          context.stores.rows.put('waited', key);
          throw new Error('wait');
        })();
      },
    }),
  });
  return topology({
    step: [
      sink({ name: 'out', from: [step.out.out], topic: output }),
      sink({ name: 'second', from: [step.out.more], topic: second }),
    ],
  });
}
const LABELS = Object.freeze({});

const sent = (...given: string[]) => given.map((value, i) => ({ key: i % 2 === 0 ? 'a' : 'b', value }));
const get = async (driver: TestDriver, key: string): Promise<unknown> =>
  (await driver.store<string, string>('rows').get(key)).value;

for (const failing of ['early', 'late', 'wait'] as const) {
  for (const answer of ['dead-letter', 'skip'] as const) {
    test(`a record that fails ${failing} leaves nothing, and those beside it everything (${answer})`, async () => {
      const counted: number[] = [];
      await using driver = await createTestDriver({
        topology: effectful(),
        options: {
          handlers: { processing: () => answer },
          metrics: {
            count: (name: string, _: unknown, by: number) => void (name === 'records_seen' && counted.push(by)),
            observe() {},
            gauge() {},
          },
        },
      });
      await driver.pipe(input, sent('1', '2', failing, '4', '5', failing, failing, '8'));
      expect(pairs(await driver.read(output))).toEqual([
        ['a', '1;'],
        ['b', '2;'],
        ['b', '2;4;'],
        ['a', '1;5;'],
        ['b', '2;4;8;'],
      ]);
      expect(values(await driver.read(second))).toEqual(['1', '2', '4', '5', '8']);
      expect(await get(driver, 'a')).toBe('1;5;');
      expect(await get(driver, 'last')).toBe('b');
      expect(await get(driver, 'waited')).toBeUndefined();
      const letters = await driver.readDeadLetters(input);
      expect(letters.map((letter) => headersOf(letter)['gavel-error-offset'])).toEqual(
        answer === 'skip' ? [] : ['2', '5', '6'],
      );
      expect(counted.reduce((sum, by) => sum + by, 0)).toBe(5);
    });
  }

  test(`a record that fails ${failing} stops the instance where the handler says fail, and nothing of it is seen`, async () => {
    const driver = await createTestDriver({ topology: effectful() });
    await driver.pipe(input, sent('1'));
    await driver.send(input, sent('2', failing));
    await expect(driver.settle()).rejects.toMatchObject({
      code: 'PROCESSING_FAILED',
      message: expect.stringMatching(`processing at in-0@2: ${failing}`) as unknown,
    });
    expect(values(await driver.read(second)).filter((value) => value === failing)).toEqual([]);
    await driver.close();
  });
}

test('a dead letter is the record as it came, with why and where from', async () => {
  await using driver = await createTestDriver({
    topology: effectful(),
    options: { handlers: { processing: () => 'dead-letter' } },
  });
  const headers = [{ key: 'trace', value: Buffer.from('t1') }];
  await driver.pipe(input, [{ key: 'a', value: 'late', timestamp: 77, headers }]);
  const [letter] = await driver.readDeadLetters(input);
  expect([String(letter?.key), String(letter?.value), letter?.timestamp]).toEqual(['a', 'late', 77]);
  expect(headersOf(letter)).toEqual({
    trace: 't1',
    'gavel-error-stage': 'processing',
    'gavel-error-reason': 'PROCESSING_FAILED',
    'gavel-error-message': 'late',
    'gavel-error-topic': 'in',
    'gavel-error-partition': '0',
    'gavel-error-offset': '0',
  });
});

test('handlers see what failed', async () => {
  const seen: Failure[] = [];
  const handler = (failure: Failure): FailureAnswer => {
    seen.push(failure);
    return 'skip';
  };
  await using driver = await createTestDriver({
    topology: effectful(),
    options: { handlers: { processing: handler } },
  });
  await driver.pipe(input, sent('1', 'late'));
  expect(seen).toMatchObject([{ stage: 'processing', task: 'step-0', topic: 'in', partition: 0, offset: 1 }]);
  expect(String(seen[0]?.error)).toBe('Error: late');
});

const forwarding: Step = ({ forward }) => ({ process: ({ key, value }) => forward('out', key, value) });

test.each([
  ['the serde throws', 'refused'],
  ['it is too large', 'x'.repeat(2 * 1024 * 1024)],
])('a record that cannot be written because %s goes to the production handler', async (_, value) => {
  const to = textTopic({
    name: 'refusing',
    value: {
      ...stringSerde,
      serialize(text, sink_) {
        if (text === 'refused') throw new Error('refused');
        stringSerde.serialize(text, sink_);
      },
    },
  });
  const from = textTopic({ name: 'big', maxMessageBytes: 8 * 1024 * 1024 });
  const stages: string[] = [];
  await using driver = await createTestDriver({
    topology: stepTopology(forwarding, { from, to }),
    options: {
      handlers: {
        production({ stage }) {
          stages.push(stage);
          return 'dead-letter';
        },
      },
    },
  });
  await driver.pipe(from, [
    { key: 'a', value: 'before' },
    { key: 'b', value },
    { key: 'c', value: 'after' },
  ]);
  expect(values(await driver.read(to))).toEqual(['before', 'after']);
  const [letter] = await driver.readDeadLetters(from);
  expect(headersOf(letter)['gavel-error-stage']).toBe('production');
  expect(stages).toEqual(['production']);
});

test('bytes that the serde refuses go to the dead letters as they came, by default', async () => {
  const picky = textTopic({
    name: 'picky',
    value: {
      ...stringSerde,
      deserialize(bytes) {
        if (bytes[0] === 0xff) throw new Error('bad magic');
        return bytes.toString();
      },
    },
  });
  await using driver = await createTestDriver({ topology: stepTopology(forwarding, { from: picky }) });
  const raw = {
    ...picky,
    value: {
      ...stringSerde,
      serialize: (_: string, to: Parameters<typeof stringSerde.serialize>[1]) => {
        to.reserve(2);
        to.buffer[to.position++] = 0xff;
        to.buffer[to.position++] = 0x01;
      },
    },
  };
  await driver.pipe(picky, [{ key: 'a', value: 'before' }]);
  await driver.pipe(raw, [{ key: 'b', value: '' }]);
  await driver.pipe(picky, [{ key: 'c', value: 'after' }]);
  expect(values(await driver.read(output))).toEqual(['before', 'after']);
  const [letter] = await driver.readDeadLetters(picky);
  expect(letter?.value).toEqual(Buffer.from([0xff, 0x01]));
  expect(headersOf(letter)).toMatchObject({
    'gavel-error-stage': 'deserialization',
    'gavel-error-message': 'bad magic',
  });
});

/** Values wait for something as long as the test says. */
function fetching(ready: () => Promise<void> | undefined): ReturnType<typeof textTopic> {
  return textTopic({
    name: 'fetching',
    value: {
      ...stringSerde,
      deserialize(bytes) {
        const text = bytes.toString();
        const waiting = text === 'plain' ? undefined : ready();
        if (waiting !== undefined) throw new SerdeNotReady(waiting);
        return text;
      },
    },
  });
}

test('a serde that must fetch something is waited for, and called again', async () => {
  let asked = 0;
  const from = fetching(() => (asked++ === 0 ? Promise.resolve() : undefined));
  await using driver = await createTestDriver({ topology: stepTopology(forwarding, { from }) });
  await driver.pipe(from, [
    { key: 'a', value: 'plain' },
    { key: 'b', value: 'by schema' },
    { key: 'c', value: 'by schema' },
  ]);
  expect(values(await driver.read(output))).toEqual(['plain', 'by schema', 'by schema']);
  expect(asked).toBe(3);
});

test('a record whose schema will never come is a dead letter', async () => {
  const from = fetching(() => Promise.reject(new GavelError('SCHEMA_UNKNOWN', 'no schema 7')));
  await using driver = await createTestDriver({ topology: stepTopology(forwarding, { from }) });
  await driver.pipe(from, [
    { key: 'a', value: 'plain' },
    { key: 'b', value: 'by schema' },
    { key: 'c', value: 'plain' },
  ]);
  expect(values(await driver.read(output))).toEqual(['plain', 'plain']);
  const [letter] = await driver.readDeadLetters(from);
  expect(headersOf(letter)).toMatchObject({ 'gavel-error-reason': 'SCHEMA_UNKNOWN', 'gavel-error-offset': '1' });
});

test('a record whose schema cannot be asked for now is tried again later, and nothing is lost', async () => {
  let away = true;
  let asked = 0;
  const from = fetching(() => {
    asked++;
    return away ? Promise.reject(new GavelError('REGISTRY_UNAVAILABLE', 'away')) : undefined;
  });
  await using driver = await createTestDriver({ topology: stepTopology(forwarding, { from }) });
  await driver.pipe(from, [
    { key: 'a', value: 'plain' },
    { key: 'b', value: 'by schema' },
    { key: 'c', value: 'plain' },
  ]);
  // What stands before it is committed meanwhile.
  expect(values(await driver.read(output))).toEqual(['plain']);
  await driver.advance(5_000);
  expect(asked).toBeGreaterThan(5);
  expect(asked).toBeLessThan(20);
  away = false;
  await driver.advance(1_000);
  expect(values(await driver.read(output))).toEqual(['by schema', 'plain']);
  expect(await driver.readDeadLetters(from)).toEqual([]);
});

test('a processor that cannot reach something now is run again later, all of its epoch', async () => {
  let away = true;
  await using driver = await createTestDriver({
    topology: stepTopology((context) => ({
      process({ key, value }) {
        context.stores.rows.put(key, value);
        context.forward('out', key, value);
        if (value === 'needs' && away) throw new GavelError('BROKER_UNAVAILABLE', 'away');
      },
    })),
  });
  await driver.pipe(input, [
    { key: 'a', value: 'x' },
    { key: 'b', value: 'needs' },
    { key: 'c', value: 'z' },
  ]);
  await driver.advance(2_000);
  const before = values(await driver.read(output));
  expect(before).not.toContain('needs');
  away = false;
  await driver.advance(1_000);
  expect([...before, ...values(await driver.read(output))]).toEqual(['x', 'needs', 'z']);
  expect(await get(driver, 'c')).toBe('z');
});

test('a processor may send a record to the dead letters and keep its other effects', async () => {
  await using driver = await createTestDriver({
    topology: stepTopology((context) => ({
      process({ key, value }) {
        context.forward('out', key, value);
        if (value === 'odd') context.deadLetter('odd', 'the value is odd');
      },
    })),
  });
  await driver.pipe(input, sent('even', 'odd'));
  expect(values(await driver.read(output))).toEqual(['even', 'odd']);
  const [letter] = await driver.readDeadLetters(input);
  expect(headersOf(letter)).toMatchObject({ 'gavel-error-stage': 'application', 'gavel-error-reason': 'odd' });
});

test('a value that a processor changes after it got it from a store is found out', async () => {
  interface Box {
    list: string[];
  }
  const boxes = stepTopology(
    (context) => ({
      process({ key, value }) {
        const box = (context.stores.rows.get(key) ?? { list: [] }) as unknown as Box;
        box.list.push(value);
        context.stores.rows.put(key, box as unknown as string);
      },
    }),
    { store: { ...rows, value: { serialize() {}, deserialize: () => ({ list: [] }) as unknown as string } } },
  );
  const driver = await createTestDriver({ topology: boxes });
  await driver.send(input, sent('1', '2', '3'));
  await expect(driver.settle()).rejects.toThrow(/not extensible|read only/);
  await driver.close();
});
