/** Records at the edges: swallowed failures, sizes, headers, clock records, values that cannot be written. */

import { expect, test } from 'vitest';
import { CLOCK_HEADER, keyValueStore, serdeOf, stringSerde } from 'gavel/streams';
import { memoryState } from 'gavel/stores';
import { createTestDriver } from 'gavel/testing';
import {
  headersOf,
  input,
  keepAndForward,
  output,
  pairs,
  stepTopology,
  textTopic,
  values,
} from '../unit/streams/runtime/support.ts';

const refusing = textTopic({
  name: 'refusing',
  value: {
    ...stringSerde,
    serialize(value, sink) {
      if (value === 'refused') throw new Error('refused by the serde');
      stringSerde.serialize(value, sink);
    },
  },
});

test('a processor may catch what a forward throws', async () => {
  await using driver = await createTestDriver({
    topology: stepTopology(
      (context) => ({
        process({ key, value }) {
          try {
            context.forward('out', key, value);
          } catch {
            context.stores.rows.put(key, 'caught');
          }
        },
      }),
      { to: refusing },
    ),
  });
  await driver.pipe(input, [{ key: 'a', value: 'refused' }]);
  expect(await driver.read(refusing)).toEqual([]);
  expect((await driver.store('rows').get('a')).value).toBe('caught');
});

test('a dead letter has room for a record as large as its source takes', async () => {
  const large = textTopic({
    name: 'large',
    maxMessageBytes: 3 * 1024 * 1024,
    value: { ...stringSerde, deserialize: () => expect.unreachable('not to be read') },
  });
  await using driver = await createTestDriver({ topology: stepTopology(keepAndForward, { from: large }) });
  const value = 'x'.repeat(3 * 1024 * 1024 - 200);
  await driver.pipe(large, [{ key: 'a', value }]);
  const [letter] = await driver.readDeadLetters(large);
  expect(letter?.value).toHaveLength(value.length);
  expect(headersOf(letter)['gavel-error-offset']).toBe('0');
});

test('headers count where a record is too large', async () => {
  await using driver = await createTestDriver({
    topology: stepTopology((context) => ({
      process({ key, value }) {
        context.forward('out', key, value, {
          headers: [{ key: 'h', value: Buffer.alloc(value === 'large' ? 1_048_576 : 10_000) }],
        });
      },
    })),
    options: { handlers: { production: () => 'dead-letter' } },
  });
  await driver.pipe(input, [
    { key: 'a', value: 'x' },
    { key: 'b', value: 'large' },
    // Together they are more than one batch takes.
    ...Array.from({ length: 150 }, (_, i) => ({ key: 'c', value: `${i}` })),
  ]);
  expect(await driver.read(output)).toHaveLength(151);
  const [letter, ...others] = await driver.readDeadLetters(input);
  expect(headersOf(letter)['gavel-error-stage']).toBe('production');
  expect(others).toEqual([]);
});

test('clock records reach no processor, also where the source declares none', async () => {
  const seen: unknown[] = [];
  await using driver = await createTestDriver({
    topology: stepTopology(() => ({ process: ({ key, value }) => void seen.push([key, value]) })),
  });
  const headers = [{ key: CLOCK_HEADER, value: null }];
  await driver.pipe(input, [
    { key: null, value: null, headers, partition: 0 },
    { key: 'a', value: 'x' },
  ]);
  expect(seen).toEqual([['a', 'x']]);
});

test('the header of clock records hides no record that has a key or a value', async () => {
  const seen: unknown[] = [];
  const clocked = textTopic({ name: 'clocked', timestampType: 'append' });
  await using driver = await createTestDriver({
    topology: stepTopology(() => ({ process: ({ key, value }) => void seen.push([key, value]) }), {
      from: clocked,
      source: { clock: true },
    }),
  });
  const headers = [{ key: CLOCK_HEADER, value: null }];
  await driver.pipe(clocked, [
    { key: 'a', value: 'x', headers },
    { key: 'a', value: null, headers },
    { key: null, value: null, headers },
  ]);
  expect(seen).toEqual([
    ['a', 'x'],
    ['a', null],
  ]);
});

test('a punctuation scheduled by a record that is rolled back is scheduled once', async () => {
  await using driver = await createTestDriver({
    topology: stepTopology((context) => ({
      process({ value }) {
        if (value === 'schedule') {
          context.schedule({
            kind: 'wall-clock',
            intervalMs: 1_000,
            run: (time) => context.forward('out', 'tick', `${time}`),
          });
        }
        if (value === 'poison') throw new Error('poison');
      },
    })),
    options: { handlers: { processing: () => 'skip' } },
    startTime: 0,
  });
  await driver.pipe(input, [
    { key: 'a', value: 'schedule' },
    { key: 'a', value: 'poison' },
  ]);
  await driver.advance(2_000);
  expect(values(await driver.read(output))).toEqual(['1000', '2000']);
});

test('a punctuation that a rolled-back record cancelled goes on', async () => {
  let poisoned = true;
  await using driver = await createTestDriver({
    topology: stepTopology((context) => {
      const ticks = context.schedule({
        kind: 'wall-clock',
        intervalMs: 1_000,
        run: (time) => context.forward('out', 'tick', `${time}`),
      });
      return {
        process({ value }) {
          if (value === 'cancel' && poisoned) {
            poisoned = false;
            ticks.cancel();
            throw new Error('poison');
          }
        },
      };
    }),
    options: { handlers: { processing: () => 'skip' } },
    startTime: 0,
  });
  await driver.pipe(input, [{ key: 'a', value: 'cancel' }]);
  await driver.advance(1_000);
  expect(values(await driver.read(output))).toEqual(['1000']);
});

test('state in the changelog without group offsets refuses to start, also where the disk is new', async () => {
  let disk = memoryState();
  const driver = await createTestDriver({ topology: stepTopology(keepAndForward), state: () => disk });
  await driver.pipe(input, [{ key: 'a', value: 'x' }]);
  await driver.stop(0);
  await driver.broker.groups.deleteOffsets('test', [{ topic: input.name, partition: 0 }]);
  await expect(driver.start(0)).rejects.toMatchObject({ code: 'GROUP_OFFSETS_MISSING' });
  await driver.kill(0);
  disk = memoryState();
  await expect(driver.start(1)).rejects.toMatchObject({ code: 'GROUP_OFFSETS_MISSING' });
  await driver.kill(1);
  expect(pairs(await driver.read(output))).toEqual([['a', 'x']]);
  await driver.close();
});

test('a value that its store cannot write stops the instance and names the store', async () => {
  const store = keyValueStore<string, string>({
    name: 'picky',
    key: stringSerde,
    value: serdeOf(
      (value) => {
        if (value === 'refused') throw new Error('not encodable');
        return Buffer.from(value);
      },
      (bytes) => bytes.toString(),
    ),
  });
  const driver = await createTestDriver({ topology: stepTopology(keepAndForward, { store }) });
  await driver.send(input, [
    { key: 'a', value: 'x' },
    { key: 'b', value: 'refused' },
  ]);
  await expect(driver.settle()).rejects.toMatchObject({
    code: 'PROCESSING_FAILED',
    message: expect.stringMatching(/picky.*not encodable/) as unknown,
  });
  await driver.close();
});

test('many records that fail cost work in proportion', async () => {
  let processed = 0;
  await using driver = await createTestDriver({
    topology: stepTopology((context) => ({
      process({ key, value }) {
        processed++;
        if (value === 'poison') throw new Error('poison');
        context.forward('out', key, value);
      },
    })),
    options: { handlers: { processing: () => 'dead-letter' } },
  });
  const total = 4_000;
  await driver.pipe(
    input,
    Array.from({ length: total }, (_, i) => ({ key: `${i}`, value: i % 4 === 0 ? 'poison' : 'x' })),
  );
  expect(await driver.read(output)).toHaveLength((total * 3) / 4);
  expect(await driver.readDeadLetters(input)).toHaveLength(total / 4);
  expect(processed).toBeLessThan(total * 3);
});
