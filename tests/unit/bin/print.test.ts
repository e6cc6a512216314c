import { expect, test } from 'vitest';

import { colorsOf, formatBytes, formatTable, toJson } from '../../../bin/print.ts';
import { fakeWorld } from '../../support/fake-world.ts';

test('a table aligns text to the left and numbers to the right', () => {
  expect(
    formatTable(
      ['name', 'lag'],
      [
        ['a', '5'],
        ['bcdef', '12,000'],
      ],
    ),
  ).toBe('name      lag\na           5\nbcdef  12,000\n');
});

test('JSON writes what lies beyond 2^53 as a string', () => {
  expect(toJson({ small: 1, large: 2n ** 60n })).toBe('{"small":1,"large":"1152921504606846976"}');
});

test('colours only on a terminal that did not ask for none', () => {
  const world = fakeWorld();
  expect(colorsOf(world).red('x')).toBe('x');
  const terminal = { ...world, stdout: { ...world.stdout, isTTY: true } };
  expect(colorsOf(terminal).red('x')).toBe('\u001B[31mx\u001B[39m');
  expect(colorsOf({ ...terminal, env: { NO_COLOR: '1' } }).red('x')).toBe('x');
});

test('bytes with one decimal', () => {
  expect([0, 1023, 1536, 5 * 1024 ** 3].map(formatBytes)).toEqual(['0 B', '1023 B', '1.5 KiB', '5.0 GiB']);
});
