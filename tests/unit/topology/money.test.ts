import { describe, expect, test } from 'vitest';
import { exponentOf, formatMoney, parseMoney } from '../../../topology/money.ts';

describe('decimal strings and minor units', () => {
  test.each([
    ['12.50', 'USD', 1_250],
    ['12.5', 'USD', 1_250],
    ['12', 'EUR', 1_200],
    ['0.01', 'USD', 1],
    ['1500', 'JPY', 1_500],
    ['1.234', 'KWD', 1_234],
    ['007', 'USD', 700],
    ['-5.00', 'USD', -500],
    ['90071992547409.91', 'USD', 9_007_199_254_740_991],
    ['90071992547409.92', 'USD', 9_007_199_254_740_992n],
  ] as const)('%s %s is %s', (text, currency, units) => {
    expect(parseMoney(text, currency)).toBe(units);
    expect(parseMoney(formatMoney(units, currency), currency)).toBe(units);
  });

  test.each([
    [1_250, 'USD', '12.50'],
    [5, 'USD', '0.05'],
    [-5, 'USD', '-0.05'],
    [0, 'USD', '0.00'],
    [1_500, 'JPY', '1500'],
    [0, 'JPY', '0'],
    [1_234, 'KWD', '1.234'],
    [9_007_199_254_740_993n, 'USD', '90071992547409.93'],
  ] as const)('%s of %s reads %s', (units, currency, text) => {
    expect(formatMoney(units, currency)).toBe(text);
  });

  test.each([
    ['12.505', 'USD', /has 3 decimals, but USD has 2/],
    ['12.0', 'JPY', /has 1 decimals, but JPY has 0/],
    ['12,50', 'USD', /is no amount/],
    ['', 'USD', /is no amount/],
    ['1e5', 'USD', /is no amount/],
    ['.5', 'USD', /is no amount/],
    ['5.', 'USD', /is no amount/],
    ['0x10', 'USD', /is no amount/],
    ['12', 'usd', /unknown currency "usd"/],
    ['12', 'XYZ', /unknown currency "XYZ"/],
    ['92233720368547758.08', 'USD', /too large/],
  ])('%j of %s is refused', (text, currency, message) => {
    expect(() => parseMoney(text, currency)).toThrow(message);
    expect(() => parseMoney(text, currency)).toThrow(expect.objectContaining({ code: 'INPUT_INVALID' }));
  });

  test('the decimals of currencies', () => {
    expect(['JPY', 'USD', 'KWD', 'CLF', 'ABC'].map(exponentOf)).toEqual([0, 2, 3, 4, undefined]);
  });
});
