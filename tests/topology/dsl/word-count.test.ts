import { describe, expect, test } from 'vitest';
import { defineTopic, integerSerde, stream, stringSerde, topology } from 'gavel/streams';
import { createTestDriver } from 'gavel/testing';
import type { TestDriver } from 'gavel/testing';

const lines = defineTopic({ name: 'lines', key: stringSerde, value: stringSerde, partitions: 3 });
const counts = defineTopic({ name: 'counts', key: stringSerde, value: integerSerde, partitions: 2 });

function wordCount(options: { readonly cached?: boolean } = {}) {
  const counted = stream({ name: 'lines', topic: lines })
    .flatMap({ name: 'split', to: ({ key, value }) => value.split(' ').map((word) => [word, key]) })
    .groupBy({ name: 'words', by: ({ key }) => key, key: stringSerde, value: stringSerde, partitions: 4 })
    .count({ name: 'counted', ...options });
  return topology({ count: [counted.toStream().to({ name: 'counts', topic: counts })] });
}

const TEXT = ['to be or not to be', 'that is the question', 'whether tis nobler in the mind', 'to suffer or to die'];
const LINES = TEXT.map((value, at) => ({ key: `line ${at}`, value }));

function expected(times: number): ReadonlyMap<string, number> {
  const words = new Map<string, number>();
  for (const word of TEXT.flatMap((line) => line.split(' '))) words.set(word, (words.get(word) ?? 0) + times);
  return words;
}

async function latest(driver: TestDriver, into = new Map<string, number>()): Promise<Map<string, number>> {
  for (const { key, value } of await driver.read(counts)) into.set(key as string, value as number);
  return into;
}

describe('word count', () => {
  test('counts over a repartition', async () => {
    await using driver = await createTestDriver({ topology: wordCount() });
    await driver.pipe(lines, LINES);
    expect(await latest(driver)).toEqual(expected(1));
    await driver.pipe(lines, LINES);
    expect(await latest(driver)).toEqual(expected(2));
    const store = driver.store<string, { readonly value: number }>('counted');
    expect((await store.get('to')).value).toMatchObject({ value: 8 });
    expect((await store.get('nothing')).value).toBeUndefined();
  });

  test('forwards every update without a cache, and once per commit with one (semantics 21)', async () => {
    const sizes: number[] = [];
    for (const cached of [false, true]) {
      await using driver = await createTestDriver({ topology: wordCount({ cached }) });
      await driver.pipe(lines, [{ key: 'l', value: 'a a a a a a' }]);
      const updates = (await driver.read(counts)).map(({ value }) => value);
      expect(updates.at(-1)).toBe(6);
      sizes.push(updates.length);
    }
    expect(sizes).toEqual([6, 1]);
  });

  test.each([false, true])('counts each word once although instances die (cached: %s)', async (cached) => {
    await using driver = await createTestDriver({ topology: wordCount({ cached }), instances: 2 });
    const seen = new Map<string, number>();
    for (let round = 1; round <= 6; round++) {
      const victim = round % 2;
      await driver.send(lines, LINES);
      await driver.kill(victim);
      await driver.advance(30_000);
      await driver.start(victim);
      await driver.settle();
      expect(await latest(driver, seen)).toEqual(expected(round));
    }
  });
});
