import { expect, test } from 'vitest';
import {
  defineTopic,
  integerSerde,
  keyValueStore,
  port,
  processor,
  sink,
  source,
  stringSerde,
  topology,
} from 'gavel/streams';
import { createTestDriver } from 'gavel/testing';

const words = defineTopic({ name: 'words', key: stringSerde, value: stringSerde, partitions: 3 });
const counts = defineTopic({ name: 'counts', key: stringSerde, value: integerSerde, partitions: 3 });
const totals = keyValueStore({ name: 'totals', key: stringSerde, value: integerSerde });

function counting() {
  const input = source({ name: 'words', topic: words });
  const count = processor({
    name: 'count',
    from: [input.out],
    ports: { counted: port<string, number>() },
    stores: { totals },
    create: (context) => ({
      process({ key, value }) {
        if (value === 'poison') throw new Error('poison');
        const total = (context.stores.totals.get(key) ?? 0) + 1;
        context.stores.totals.put(key, total);
        context.forward('counted', key, total);
      },
    }),
  });
  return topology({ counter: [sink({ name: 'counts', from: [count.out.counted], topic: counts })] });
}

const pairs = (records: readonly { readonly key: unknown; readonly value: unknown }[]) =>
  records.map(({ key, value }) => [key, value]);

test('counts records through a store and a sink', async () => {
  await using driver = await createTestDriver({ topology: counting() });
  await driver.pipe(words, [
    { key: 'a', value: 'x' },
    { key: 'b', value: 'x' },
    { key: 'a', value: 'x' },
  ]);
  const records = await driver.read(counts);
  expect(new Set(pairs(records).map(String))).toEqual(new Set(['a,1', 'a,2', 'b,1']));
  expect((await driver.store('totals').get('a')).value).toBe(2);
});

test('goes on where it stopped after a kill', async () => {
  await using driver = await createTestDriver({ topology: counting() });
  await driver.pipe(words, [{ key: 'a', value: 'x' }]);
  await driver.kill(0);
  await driver.send(words, [{ key: 'a', value: 'x' }]);
  await driver.start(0);
  await driver.advance(15_000);
  expect(pairs(await driver.read(counts))).toEqual([
    ['a', 1],
    ['a', 2],
  ]);
});

test('a poison record goes to the dead letters and takes nothing with it', async () => {
  await using driver = await createTestDriver({
    topology: counting(),
    options: { handlers: { processing: () => 'dead-letter' } },
  });
  await driver.pipe(words, [
    { key: 'a', value: 'x' },
    { key: 'a', value: 'poison' },
    { key: 'a', value: 'x' },
  ]);
  expect(pairs(await driver.read(counts))).toEqual([
    ['a', 1],
    ['a', 2],
  ]);
  const [letter] = await driver.readDeadLetters(words);
  expect(letter?.headers.map(({ key, value }) => `${key}=${String(value)}`)).toContain('gavel-error-message=poison');
});

test('three instances share the tasks, and one more takes over after a kill', async () => {
  await using driver = await createTestDriver({ topology: counting(), instances: 3 });
  expect(driver.status().map((status) => status?.tasks.length)).toEqual([1, 1, 1]);
  await driver.pipe(
    words,
    [...'abcdefghij'].map((key) => ({ key, value: 'x' })),
  );
  await driver.kill(1);
  await driver.advance(15_000);
  expect(
    driver
      .status()
      .map((status) => status?.tasks.length ?? 0)
      .toSorted((a, b) => a - b),
  ).toEqual([0, 1, 2]);
  await driver.pipe(
    words,
    [...'abcdefghij'].map((key) => ({ key, value: 'x' })),
  );
  const values = (await driver.read(counts)).map(({ value }) => value);
  expect(values.filter((value) => value === 1)).toHaveLength(10);
  expect(values.filter((value) => value === 2)).toHaveLength(10);
});
