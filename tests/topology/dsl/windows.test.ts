import { describe, expect, test } from 'vitest';
import fc from 'fast-check';
import { defineTopic, integerSerde, partitionOf, stream, stringSerde, topology, windowedSerde } from 'gavel/streams';
import type { TimeWindowsOptions, Timestamped, Windowed } from 'gavel/streams';
import { createTestDriver } from 'gavel/testing';
import type { TestDriver } from 'gavel/testing';

const clicks = defineTopic({ name: 'clicks', key: stringSerde, value: integerSerde, partitions: 2 });
const counts = (sizeMs: number) =>
  defineTopic({ name: 'counts', key: windowedSerde(stringSerde, sizeMs), value: integerSerde, partitions: 5 });

function counting(windows: TimeWindowsOptions) {
  const counted = stream({ name: 'clicks', topic: clicks })
    .groupByKey({ key: stringSerde })
    .windowedBy(windows)
    .count({ name: 'counted' });
  return topology({ count: [counted.toStream().to({ name: 'counts', topic: counts(windows.sizeMs) })] });
}

const click = (key: string, timestamp: number) => ({ key, value: 1, timestamp });

describe('windowed counts', () => {
  test('go to the partition of their key, whatever the window (semantics 25)', async () => {
    await using driver = await createTestDriver({ topology: counting({ sizeMs: 10, graceMs: 50 }) });
    const keys = ['a', 'b', 'c', 'd', 'e', 'f'];
    await driver.pipe(
      clicks,
      keys.flatMap((key) => [1, 11, 21].map((time) => click(key, time))),
    );
    const written = await driver.read(counts(10));
    expect(written).toHaveLength(18);
    for (const { key, partition } of written) {
      expect(partition).toBe(partitionOf(Buffer.from((key as Windowed<string>).key), 5));
    }
  });

  test('know what is late after a crash and after a move as before (semantics 3, 6)', async () => {
    const metrics = counters();
    await using driver = await createTestDriver({
      topology: counting({ sizeMs: 10, graceMs: 0 }),
      options: { metrics },
    });
    await driver.pipe(clicks, [click('a', 25)]);
    await driver.kill(0);
    await driver.start(0);
    await driver.pipe(clicks, [click('a', 19), click('a', 20)]);
    await move(driver);
    await driver.pipe(clicks, [click('a', 18), click('a', 21)]);
    expect((await driver.read(counts(10))).map(({ key, value }) => [key?.start, value])).toEqual([
      [20, 1],
      [20, 2],
      [20, 3],
    ]);
    expect(metrics.counted['records_dropped_total late']).toBe(2);
  });

  test('send late records to the dead letters where that is wanted', async () => {
    const topologyOf = counting({ sizeMs: 10, graceMs: 0, onLate: 'dead-letter' });
    await using driver = await createTestDriver({ topology: topologyOf });
    await driver.pipe(clicks, [click('a', 25), click('a', 3)]);
    const [letter, ...others] = await driver.readDeadLetters(clicks);
    expect(others).toEqual([]);
    const headers = Object.fromEntries(letter?.headers.map(({ key, value }) => [key, String(value)]) ?? []);
    expect(headers).toMatchObject({
      'gavel-error-reason': 'late',
      'gavel-error-message': 'came too late for 1 of its windows: stream time is 25',
    });
    expect(letter?.timestamp).toBe(3);
  });

  test('only count late records that no input record stands for, like those of a cache', async () => {
    const metrics = counters();
    const latest = stream({ name: 'clicks', topic: clicks }).toTable({
      name: 'latest',
      key: stringSerde,
      value: integerSerde,
      cached: true,
    });
    const counted = latest
      .toStream()
      .groupByKey({ key: stringSerde })
      .windowedBy({ sizeMs: 10, graceMs: 0, onLate: 'dead-letter' })
      .count({ name: 'counted' });
    await using driver = await createTestDriver({ topology: topology({ count: [counted] }), options: { metrics } });
    await driver.pipe(clicks, [click('a', 100), click('c', 5)]); // one partition, one commit
    expect(partitionOf(Buffer.from('a'), 2)).toBe(partitionOf(Buffer.from('c'), 2));
    expect(metrics.counted['records_dropped_total late']).toBe(1);
    expect(await driver.readDeadLetters(clicks)).toEqual([]);
  });

  test('are gone from the store when retention is over, also after a restore (semantics 22)', async () => {
    await using driver = await createTestDriver({
      topology: counting({ sizeMs: 10, graceMs: 0, retentionMs: 40 }),
    });
    const row = async (start: number, instance = 0) => {
      const store = driver.store<Windowed<string>, Timestamped<number>>('counted', instance);
      return (await store.get({ key: 'a', start, end: start + 10 })).value;
    };
    await driver.pipe(clicks, [click('a', 5), click('a', 39)]);
    expect(await row(0)).toEqual({ value: 1, timestamp: 5 });
    await driver.pipe(clicks, [click('a', 40)]);
    expect([await row(0), await row(30)]).toEqual([undefined, { value: 1, timestamp: 39 }]);
    await move(driver);
    expect([await row(0, 1), await row(30, 1)]).toEqual([undefined, { value: 1, timestamp: 39 }]);
  });

  test('expire by the thousand in slices', async () => {
    await using driver = await createTestDriver({ topology: counting({ sizeMs: 1, graceMs: 10_000 }) });
    await driver.pipe(
      clicks,
      Array.from({ length: 2_500 }, (_, time) => click('a', time)),
    );
    await driver.pipe(clicks, [click('a', 50_000)]);
    await driver.pipe(clicks, [click('a', 50_001)]);
    const left: number[] = [];
    const store = driver.store<Windowed<string>, Timestamped<number>>('counted');
    for await (const { key } of store.scan()) left.push(key.start);
    expect(left).toEqual([50_000, 50_001]);
  });

  test('are what the definition says, for any records and windows', async () => {
    const records = fc.array(fc.record({ key: fc.constantFrom('a', 'b'), timestamp: fc.nat(200) }), { maxLength: 40 });
    const windows = fc.record({ sizeMs: fc.integer({ min: 1, max: 50 }), less: fc.nat(49), graceMs: fc.nat(60) });
    await fc.assert(
      fc.asyncProperty(records, windows, async (given, { sizeMs, less, graceMs }) => {
        const advanceMs = Math.max(1, sizeMs - less);
        await using driver = await createTestDriver({ topology: counting({ sizeMs, advanceMs, graceMs }) });
        await driver.pipe(
          clicks,
          given.map(({ key, timestamp }) => click(key, timestamp)),
        );
        const got = new Map<string, number>();
        for (const { key, value } of await driver.read(counts(sizeMs)))
          got.set(`${key?.key} ${key?.start}`, value as number);
        expect(got).toEqual(definition(given, { sizeMs, advanceMs, graceMs }));
      }),
      { numRuns: 40 },
    );
  });
});

/** Counts by key and window start; stream time is that of a partition. */
function definition(
  records: readonly { readonly key: string; readonly timestamp: number }[],
  { sizeMs, advanceMs, graceMs }: { readonly sizeMs: number; readonly advanceMs: number; readonly graceMs: number },
): ReadonlyMap<string, number> {
  const found = new Map<string, number>();
  const times = new Map<number, number>();
  for (const { key, timestamp } of records) {
    const partition = partitionOf(Buffer.from(key), 2);
    const now = Math.max(times.get(partition) ?? -1, timestamp);
    times.set(partition, now);
    for (let start = 0; start <= timestamp; start += advanceMs) {
      if (timestamp >= start + sizeMs || start + sizeMs + graceMs <= now) continue;
      found.set(`${key} ${start}`, (found.get(`${key} ${start}`) ?? 0) + 1);
    }
  }
  return found;
}

/** Kills instance 0 and starts instance 1, which restores everything from the changelog. */
async function move(driver: TestDriver): Promise<void> {
  await driver.kill(0);
  await driver.advance(30_000);
  await driver.start(1);
}

function counters() {
  const counted: { [counter: string]: number } = {};
  return {
    counted,
    count(name: string, labels: { readonly [label: string]: string } = {}, by = 1): void {
      const counter = [name, ...Object.values(labels)].join(' ');
      counted[counter] = (counted[counter] ?? 0) + by;
    },
    observe(): void {},
    gauge(): void {},
  };
}
