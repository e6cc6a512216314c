import { describe, expect, test } from 'vitest';
import fc from 'fast-check';
import { defineTopic, integerSerde, isGavelError, stream, stringSerde } from 'gavel/streams';
import type { TimeWindowsOptions, Timestamped } from 'gavel/streams';
import { firstWindowStart, timeWindows } from '../../../../streams/operators/time-windows.ts';
import { WindowStore } from '../../../../streams/operators/window-store.ts';
import { OperatorHarness } from '../../../support/operator-harness.ts';
import type { GivenRecord } from '../../../support/operator-harness.ts';

const numbers = stream({ name: 'in', topic: defineTopic({ name: 'in', key: stringSerde, value: integerSerde }) });
const counting = (windows: TimeWindowsOptions): OperatorHarness =>
  new OperatorHarness(numbers.groupByKey({ key: stringSerde }).windowedBy(windows).count({ name: 'w' }));
const at = (timestamp: number, key = 'a'): GivenRecord => ({ key, value: 1, timestamp });
const late = 'records_dropped_total{reason="late"}';

/** A window store over the rows of a harness, for what no record can bring about. */
function storeOf(harness: OperatorHarness) {
  const counts: { [counter: string]: number } = {};
  const context = {
    counts,
    stores: { rows: harness.store('w'), time: harness.store('w-time') },
    time: 0,
    wakeAt: () => {},
    count: (name: string, labels?: { readonly reason?: string }) => {
      const counter = `${name}{reason="${labels?.reason}"}`;
      counts[counter] = (counts[counter] ?? 0) + 1;
    },
  };
  const windows = timeWindows({ sizeMs: 1, graceMs: 10 });
  type Context = ConstructorParameters<typeof WindowStore<string, Timestamped<number>>>[0];
  return { context, windowStore: new WindowStore<string, Timestamped<number>>(context as unknown as Context, windows) };
}

function countScans(store: ReturnType<OperatorHarness['store']>): () => number {
  let scans = 0;
  const scan = store.scan.bind(store);
  store.scan = (options) => {
    scans++;
    return scan(options);
  };
  return () => scans;
}

/** Starts of the windows whose rows are in the store. */
function starts(harness: OperatorHarness): readonly number[] {
  const { rows, spec } = harness.store('w');
  return [...rows.values()]
    .map((row) => (spec.key.deserialize(row.key) as { start: number }).start)
    .sort((a, b) => a - b);
}

describe('time windows (semantics 6)', () => {
  test('hold a time if and only if start <= time < start + size, and start at multiples of the advance', () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 0, max: 500 }),
        fc.integer({ min: 1, max: 60 }),
        fc.nat(59),
        (time, sizeMs, less) => {
          const windows = timeWindows({ sizeMs, advanceMs: Math.max(1, sizeMs - less), graceMs: 0 });
          const found: number[] = [];
          for (let start = firstWindowStart(time, windows); start <= time; start += windows.advanceMs)
            found.push(start);
          const expected: number[] = [];
          for (let start = 0; start <= time; start += windows.advanceMs)
            if (time < start + sizeMs) expected.push(start);
          expect(found).toEqual(expected);
        },
      ),
    );
  });

  test.each([
    { sizeMs: 0, graceMs: 0 },
    { sizeMs: 10.5, graceMs: 0 },
    { sizeMs: 10, graceMs: -1 },
    { sizeMs: 10, advanceMs: 11, graceMs: 0 },
    { sizeMs: 10, advanceMs: 0, graceMs: 0 },
    { sizeMs: 10, graceMs: 5, retentionMs: 14 },
  ])('refuse %o', (windows) => {
    const refused = (): unknown => timeWindows(windows);
    expect(refused).toThrow(expect.toSatisfy((error) => isGavelError(error, 'OPTION_INVALID')));
  });

  test('a record is in every window that holds its time', async () => {
    const harness = counting({ sizeMs: 10, advanceMs: 5, graceMs: 100 });
    expect(await harness.process(at(12))).toEqual([
      [{ key: 'a', start: 5, end: 15 }, 1, 12],
      [{ key: 'a', start: 10, end: 20 }, 1, 12],
    ]);
  });

  test('a window is late once its end plus grace is reached, window by window', async () => {
    const harness = counting({ sizeMs: 10, advanceMs: 5, graceMs: 2 });
    await harness.process(at(17));
    // [0, 10) closed at 12, [5, 15) closes at 17 exactly: both are late, [10, 20) is not.
    expect(await harness.process(at(9))).toEqual([]);
    expect(await harness.process(at(14))).toEqual([[{ key: 'a', start: 10, end: 20 }, 2, 17]]);
    expect(harness.counts).toEqual({ [late]: 3 });
  });

  test('one millisecond before, it is not late', async () => {
    const harness = counting({ sizeMs: 10, graceMs: 2 });
    expect(await harness.process(at(11), at(9))).toHaveLength(2);
    expect(await harness.process(at(12), at(9))).toHaveLength(1);
    expect(harness.counts).toEqual({ [late]: 1 });
  });

  test('stream time is over all keys, and moves with records that are late themselves', async () => {
    const harness = counting({ sizeMs: 10, graceMs: 0 });
    expect(await harness.process(at(30, 'b'), at(5, 'a'), at(25, 'a'))).toHaveLength(1);
    expect(harness.counts).toEqual({ [late]: 2 });
  });

  test('a late record goes to the dead letters once where that is wanted', async () => {
    const harness = counting({ sizeMs: 10, advanceMs: 5, graceMs: 0, onLate: 'dead-letter' });
    await harness.process(at(100), at(12));
    expect(harness.deadLetters).toEqual([
      { reason: 'late', message: 'came too late for 2 of its windows: stream time is 100' },
    ]);
    expect(harness.counts).toEqual({ [late]: 2 });
  });

  test('null keys and null values are dropped, counted and do not move time', async () => {
    const harness = counting({ sizeMs: 10, graceMs: 0 });
    await harness.process({ key: null, value: 1, timestamp: 50 }, { key: 'a', value: null, timestamp: 50 });
    expect(await harness.process(at(5))).toHaveLength(1);
    expect(harness.counts).toEqual({
      'records_dropped_total{reason="null_key"}': 1,
      'records_dropped_total{reason="null_value"}': 1,
    });
  });

  test('stream time survives a restart, not a rollback', async () => {
    const harness = counting({ sizeMs: 10, graceMs: 0 });
    await harness.process(at(15));
    harness.cut();
    await harness.process(at(35));
    harness.rollback();
    expect(await harness.process(at(16))).toHaveLength(1);
    harness.cut();
    harness.restart();
    expect(await harness.process(at(9))).toEqual([]);
    expect(harness.counts).toEqual({ [late]: 1 });
  });
});

describe('retention of windows (semantics 22)', () => {
  test('a row can be read until start + retention, then it is removed with the record that moves time there', async () => {
    const harness = counting({ sizeMs: 10, graceMs: 0, retentionMs: 25 });
    await harness.process(at(3), at(12), at(24));
    expect(starts(harness)).toEqual([0, 10, 20]);
    await harness.process(at(25));
    expect(starts(harness)).toEqual([10, 20]);
    await harness.process(at(34));
    expect(starts(harness)).toEqual([10, 20, 30]);
    await harness.process(at(35));
    expect(starts(harness)).toEqual([20, 30]);
  });

  test('one jump expires many windows; what is more than a slice waits for wakes', async () => {
    const harness = counting({ sizeMs: 1, graceMs: 5_000 });
    await harness.process(...Array.from({ length: 1_203 }, (_, time) => at(time)));
    await harness.process(at(10_000));
    expect(starts(harness)).toHaveLength(1_203 - 500 + 1);
    expect(harness.wakes).toEqual([10_000]);
    expect(await harness.wake(500)).toBe(10_000);
    expect(starts(harness)).toHaveLength(1_203 - 1_000 + 1);
    expect(await harness.wake(500)).toBeUndefined();
    expect(starts(harness)).toEqual([10_000]);
    expect(await harness.wake(500)).toBeUndefined();
  });

  test('what has expired but is not yet removed is neither read nor written', async () => {
    // Records in a window without a limit on lateness cannot be had, so the store is asked directly.
    const harness = counting({ sizeMs: 1, graceMs: 10 });
    const { windowStore, context } = storeOf(harness);
    const expired = { key: 'a', start: 0, end: 1 };
    windowStore.advance(5);
    windowStore.put(expired, { value: 1, timestamp: 0 });
    expect(windowStore.get(expired)).toEqual({ value: 1, timestamp: 0 });
    windowStore.advance(11);
    expect(harness.store('w').get(expired)).toBeDefined();
    expect(windowStore.get(expired)).toBeUndefined();
    windowStore.put(expired, { value: 2, timestamp: 0 });
    expect(context.counts).toEqual({ 'records_dropped_total{reason="expired"}': 1 });
    expect(harness.store('w').get(expired)).toEqual({ value: 1, timestamp: 0 });
  });

  test('a rollback in the middle of a removal begins it again', async () => {
    const harness = counting({ sizeMs: 1, graceMs: 5_000 });
    await harness.process(...Array.from({ length: 600 }, (_, time) => at(time)));
    harness.cut();
    await harness.process(at(10_000));
    harness.rollback();
    expect(starts(harness)).toHaveLength(600);
    await harness.process(at(10_000));
    expect(await harness.wake(500)).toBeUndefined();
    expect(starts(harness)).toEqual([10_000]);
  });

  test('the store is searched only when a segment has expired', async () => {
    const harness = counting({ sizeMs: 10, graceMs: 0 });
    const searches = countScans(harness.store('w'));
    await harness.process(at(5), at(8), at(3), at(9));
    expect(searches()).toBe(0);
    await harness.process(at(10), at(11), at(19));
    expect(searches()).toBe(1);
  });
});
