import { expect, test } from 'vitest';

import { appliedRules } from '../../../bin/explain.ts';

const passed = (rules: ReturnType<typeof appliedRules>) => rules.map((rule) => rule.passed);

test('an accepted bid passed every rule', () => {
  expect(new Set(passed(appliedRules({ outcome: 'ACCEPTED', reason: null })))).toEqual(new Set([true]));
});

test('a rejected one passed those before its reason, and met none behind it', () => {
  const rules = appliedRules({ outcome: 'REJECTED', reason: 'SELLER_BID' });
  expect(rules.filter((rule) => rule.passed === true).map(({ rule }) => rule)).toEqual([
    'INVALID_TIME',
    'UNKNOWN_AUCTION',
    'NOT_STARTED',
    'AUCTION_ENDED',
  ]);
  expect(rules.find((rule) => rule.passed === false)?.rule).toBe('SELLER_BID');
  expect(rules.filter((rule) => rule.passed === null)).toHaveLength(4);
});

test('a duplicate met no rule', () => {
  expect(new Set(passed(appliedRules({ outcome: 'DUPLICATE', reason: null })))).toEqual(new Set([null]));
});
