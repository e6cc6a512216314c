/** What a rebalance must not lose, double or leave lying. */

import { setImmediate as nextTurn } from 'node:timers/promises';
import { expect, test } from 'vitest';
import type { TestDriver } from 'gavel/testing';
import { createTestDriver } from 'gavel/testing';
import { counts, countingTopology, words } from '../support/counting.ts';

const WORDS = [...'abcdefghijklm'];

const sendRound = (driver: TestDriver): Promise<void> =>
  driver.send(
    words,
    WORDS.map((key) => ({ key, value: 'x' })),
  );

/** Counts of each word so far, in the order of the log. */
async function countsByWord(driver: TestDriver): Promise<{ [word: string]: number[] }> {
  const seen: { [word: string]: number[] } = {};
  for (const { key, value } of await driver.read(counts)) (seen[key as string] ??= []).push(value as number);
  return seen;
}

const expected = (rounds: number): { [word: string]: number[] } =>
  Object.fromEntries(WORDS.map((word) => [word, Array.from({ length: rounds }, (_, i) => i + 1)]));

test('what a task processes while its last commit is under way is not sent by the one that gives it up', async () => {
  await using driver = await createTestDriver({ topology: countingTopology() });
  let rounds = 0;
  driver.broker.control.intercept(async (call) => {
    if (call.transactionalId !== 'test-0' || call.operation !== 'commit' || rounds >= 10) return;
    rounds++;
    await sendRound(driver);
    for (let i = 0; i < 30; i++) await nextTurn();
  });
  rounds++;
  await sendRound(driver);
  await driver.start(1);
  await driver.advance(15_000);
  expect(driver.status().map((status) => status?.tasks.length)).toEqual([3, 3]);
  expect(rounds).toBe(10);
  expect(await countsByWord(driver)).toEqual(expected(10));
});

test('tasks that are given up are given on although the commit before it fails', async () => {
  await using driver = await createTestDriver({ topology: countingTopology() });
  // Something to commit when the second instance asks for its share, and that commit fails.
  let joins = 0;
  let failed = false;
  driver.broker.control.intercept(async (call) => {
    if (call.operation === 'join') {
      if (++joins === 2) {
        await sendRound(driver);
        for (let i = 0; i < 30; i++) await nextTurn();
      }
    }
    if (call.operation !== 'commit' || joins < 2 || failed) return undefined;
    failed = true;
    return 'fail';
  });
  await driver.start(1);
  await driver.advance(15_000);
  expect(failed).toBe(true);
  expect(driver.status().map((status) => status?.tasks.length)).toEqual([3, 3]);
  expect(await countsByWord(driver)).toEqual(expected(1));
});

test('a member whose sync takes long is not taken for lost', async () => {
  const warnings: string[] = [];
  await using driver = await createTestDriver({
    topology: countingTopology(),
    instances: 2,
    options: { listeners: { onWarning: ({ code }) => warnings.push(code) } },
  });
  // Every sync of the next rebalance is answered after two heartbeats.
  const remove = driver.broker.control.intercept((call) => {
    if (call.operation !== 'sync') return undefined;
    return new Promise<void>((resolve) => driver.clock.setTimer(7_500, resolve));
  });
  driver.broker.control.rebalance('test');
  await driver.advance(20_000);
  remove();
  await driver.advance(20_000);
  expect(warnings).toEqual([]);
  expect(driver.status().map((status) => status?.tasks.length)).toEqual([3, 3]);
});
