import fc from 'fast-check';
import { expect, test } from 'vitest';

import type { ComparedRecord, ComparisonResult, Side } from '../../../../bin/replay/comparison.ts';
import { LogComparison, sumResults } from '../../../../bin/replay/comparison.ts';

function record(identity: string, content = identity, key = 'k'): ComparedRecord {
  return { key, identity, content };
}

function compare(
  original: readonly ComparedRecord[],
  shadow: readonly ComparedRecord[],
  { compacted = false, gaps = false, order = [] as readonly Side[] } = {},
): ComparisonResult {
  const comparison = new LogComparison({ compacted });
  if (gaps) comparison.compactionSeen();
  const logs = { original: [...original], shadow: [...shadow] };
  const feed = (side: Side): void => {
    const next = logs[side].shift();
    if (next !== undefined) comparison.add(side, next);
  };
  for (const side of order) feed(side);
  while (logs.original.length > 0) feed('original');
  while (logs.shadow.length > 0) feed('shadow');
  return comparison.result();
}

const counts = ({ compared, missing, extra, differing }: ComparisonResult) => ({ compared, missing, extra, differing });

test('equal logs have no difference, whatever the order inside them', () => {
  const log = [record('a'), record('b'), record('c')];
  expect(counts(compare(log, log))).toEqual({ compared: 3, missing: 0, extra: 0, differing: 0 });
  const moved = [record('c'), record('a'), record('b')];
  expect(counts(compare(log, moved))).toEqual({ compared: 3, missing: 0, extra: 0, differing: 0 });
});

test('tells what is missing, extra and differing', () => {
  const original = [record('a', '1'), record('b', '2')];
  const shadow = [record('a', '9'), record('c', '3')];
  const result = compare(original, shadow);
  expect(counts(result)).toEqual({ compared: 1, missing: 1, extra: 1, differing: 1 });
  expect(result.differences).toEqual([
    { kind: 'differing', identity: 'a', original: '1', shadow: '9' },
    { kind: 'missing', identity: 'b', original: '2', shadow: null },
    { kind: 'extra', identity: 'c', original: null, shadow: '3' },
  ]);
});

test('a doubled record of the first run is missing in the shadow', () => {
  const result = compare([record('a'), record('a')], [record('a')]);
  expect(counts(result)).toEqual({ compared: 1, missing: 1, extra: 0, differing: 0 });
});

test('the n-th record of one identity answers to the n-th', () => {
  const original = [record('a', '1'), record('a', '2')];
  expect(counts(compare(original, original))).toEqual({ compared: 2, missing: 0, extra: 0, differing: 0 });
  const swapped = [record('a', '2'), record('a', '1')];
  expect(counts(compare(original, swapped)).differing).toBe(2);
});

test('before compaction a compacted log is compared record by record', () => {
  const original = [record('a', '1'), record('b', '2')];
  const shadow = [record('a', '1'), record('b', 'x')];
  expect(counts(compare(original, shadow, { compacted: true }))).toMatchObject({ compared: 2, differing: 1 });
});

test('once compaction left gaps only the valid record of each key counts', () => {
  const original = [record('k@4'), record('l@7', '1', 'l')];
  const shadow = [record('k@0'), record('l@1', '0', 'l'), record('k@4'), record('l@7', '1', 'l')];
  expect(counts(compare(original, shadow, { compacted: true, gaps: true }))).toEqual({
    compared: 2,
    missing: 0,
    extra: 0,
    differing: 0,
  });
  const wrong = [...shadow, record('m@9', '1', 'm'), record('l@8', '2', 'l')];
  expect(counts(compare(original, wrong, { compacted: true, gaps: true }))).toEqual({
    compared: 2,
    missing: 0,
    extra: 1,
    differing: 1,
  });
});

test('the counts do not depend on how the logs are interleaved', () => {
  const log = fc.array(fc.tuple(fc.constantFrom('a', 'b', 'c', 'd'), fc.constantFrom('1', '2')), { maxLength: 12 });
  const order = fc.array(fc.constantFrom<Side>('original', 'shadow'), { maxLength: 24 });
  fc.assert(
    fc.property(log, log, order, (original, shadow, chosen) => {
      const records = (entries: readonly (readonly [string, string])[]) =>
        entries.map(([identity, content]) => record(identity, content));
      const interleaved = compare(records(original), records(shadow), { order: chosen });
      expect(counts(interleaved)).toEqual(counts(compare(records(original), records(shadow))));
      expect(interleaved.compared + interleaved.missing).toBe(original.length);
      expect(interleaved.compared + interleaved.extra).toBe(shadow.length);
    }),
  );
});

test('results add up, and tell no more than twenty differences', () => {
  const many = compare(
    Array.from({ length: 15 }, (_, i) => record(`r${i}`)),
    [],
  );
  const sum = sumResults([many, many, compare([record('a')], [record('a')])]);
  expect(counts(sum)).toEqual({ compared: 1, missing: 30, extra: 0, differing: 0 });
  expect(sum.differences).toHaveLength(20);
});
