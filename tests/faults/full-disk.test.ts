/** No room, at the log or at the state: a clear stop, and nothing is lost or doubled once there is room again. */

import { expect, test } from 'vitest';
import { GavelError } from 'gavel/streams';
import { memoryState } from 'gavel/stores';
import { createTestDriver } from 'gavel/testing';
import type { TestDriver } from 'gavel/testing';
import { counts, countingTopology, parities, words } from '../support/counting.ts';

const WORDS = [...'abcdefghijklm'];

async function expectExactlyOnce(driver: TestDriver, rounds: number): Promise<void> {
  const seen: { [word: string]: number[] } = {};
  for (const { key, value } of await driver.read(counts)) (seen[key as string] ??= []).push(value as number);
  const all = Array.from({ length: rounds }, (_, i) => i + 1);
  expect(seen).toEqual(Object.fromEntries(WORDS.map((word) => [word, all])));
  const last = new Map((await driver.read(parities)).map(({ key, value }) => [key, value]));
  expect([...last.values()].reduce<number>((sum, value) => sum + (value as number), 0)).toBe(WORDS.length * rounds);
}

const send = (driver: TestDriver): Promise<void> =>
  driver.send(
    words,
    WORDS.map((key) => ({ key, value: 'x' })),
  );

test('the disk of the state is full', async () => {
  let full = false;
  const state = memoryState({
    onWrite() {
      if (full) throw new GavelError('STORAGE_FULL', 'no room for the state');
    },
  });
  await using driver = await createTestDriver({ topology: countingTopology(), state: () => state });
  await send(driver);
  await driver.settle();
  full = true;
  await send(driver);
  await expect(driver.settle()).rejects.toMatchObject({ code: 'STORAGE_FULL' });
  await driver.kill(0);
  // Also while it restores what was committed and not applied.
  await expect(driver.start(0)).rejects.toMatchObject({ code: 'STORAGE_FULL' });
  await driver.kill(0);
  full = false;
  await driver.start(0);
  await driver.advance(30_000);
  await send(driver);
  await driver.advance(1_000);
  await expectExactlyOnce(driver, 3);
});

test('the disk of the log is full', async () => {
  await using driver = await createTestDriver({ topology: countingTopology() });
  await send(driver);
  await driver.settle();
  await send(driver);
  const remove = driver.broker.control.intercept((call) => {
    if (call.operation === 'produce') throw new GavelError('STORAGE_FULL', 'no room for the log');
    return undefined;
  });
  await expect(driver.settle()).rejects.toMatchObject({ code: 'STORAGE_FULL' });
  await driver.kill(0);
  remove();
  await driver.start(0);
  await driver.advance(30_000);
  await expectExactlyOnce(driver, 2);
});
