import { expect, test } from 'vitest';

import { parseChoice, parseDuration, parseInteger, parseNumber, parseShare, parseTime } from '../../../bin/values.ts';

test('reads what is meant', () => {
  expect(parseInteger('12', '--n', { min: 0 })).toBe(12);
  expect(parseNumber('0.5', '--rate', { above: 0 })).toBe(0.5);
  expect(parseShare('1', '--late')).toBe(1);
  expect(parseChoice('csv', '--format', ['csv', 'jsonl'])).toBe('csv');
  expect(['500ms', '1.5s', '10m', '2h', '30d'].map((text) => parseDuration(text, '--d'))).toEqual([
    500, 1_500, 600_000, 7_200_000, 2_592_000_000,
  ]);
  expect(parseTime('2026-01-31T12:00:00Z', '--from')).toBe(Date.UTC(2026, 0, 31, 12));
  expect(parseTime('1700000000000', '--from')).toBe(1_700_000_000_000);
});

test.each([
  () => parseInteger('1.5', '--n', { min: 0 }),
  () => parseInteger('-1', '--n', { min: 0 }),
  () => parseInteger('', '--n', { min: 0 }),
  () => parseInteger('9', '--n', { min: 0, max: 8 }),
  () => parseNumber('', '--n', { above: 0 }),
  () => parseNumber('0', '--n', { above: 0 }),
  () => parseShare('1.1', '--n'),
  () => parseShare('', '--n'),
  () => parseChoice('cvs', '--n', ['csv']),
  () => parseDuration('30', '--n'),
  () => parseDuration('m', '--n'),
  () => parseTime('17', '--n'),
  () => parseTime('yesterday', '--n'),
  () => parseTime('2026-13-01', '--n'),
])('refuses the rest, naming the flag: %s', (parse) => {
  expect(parse).toThrowError(
    expect.objectContaining({ code: 'OPTION_INVALID', message: expect.stringContaining('--n') }),
  );
});
