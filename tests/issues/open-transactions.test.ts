/** Transactions that the dead left open: nobody reads past them, so nobody may take the log to end there. */

import { expect, test } from 'vitest';
import { GavelError } from 'gavel/streams';
import type { CommitStep } from 'gavel/streams';
import { memoryState } from 'gavel/stores';
import { createTestDriver } from 'gavel/testing';
import type { TestDriver } from 'gavel/testing';
import { counts, countingTopology, words } from '../support/counting.ts';

const WORDS = [...'abcdefghijklm'];

async function send(driver: TestDriver): Promise<void> {
  await driver.send(
    words,
    WORDS.map((key) => ({ key, value: 'x' })),
  );
}

async function expectCounts(driver: TestDriver, rounds: number): Promise<void> {
  const seen: { [word: string]: number[] } = {};
  for (const { key, value } of await driver.read(counts)) (seen[key as string] ??= []).push(value as number);
  const all = Array.from({ length: rounds }, (_, i) => i + 1);
  expect(seen).toEqual(Object.fromEntries(WORDS.map((word) => [word, all])));
}

test('a killed instance leaves its transaction open, like a process', async () => {
  let armed = false;
  const onCommitStep = (step: CommitStep): void => {
    if (armed && step === 5) throw new GavelError('KILLED', 'died before the end of its transaction');
  };
  await using driver = await createTestDriver({ topology: countingTopology(), options: { onCommitStep } });
  armed = true;
  await send(driver);
  expect(await driver.settleOrDie()).toEqual([0]);
  const partitions = [0, 1, 2].map((partition) => ({ topic: words.name, partition }));
  await expect(driver.broker.groups.committedOffsets('test', partitions)).rejects.toMatchObject({
    code: 'UNSTABLE_OFFSETS',
  });
});

test.each([4, 5] as const)(
  'whoever starts after all have died before step %i restores everything, also what was committed behind it',
  async (step) => {
    let armed = false;
    const onCommitStep = (at: CommitStep): void => {
      if (armed && at === step) throw new GavelError('KILLED', `died before step ${at}`);
    };
    let fresh = 0;
    await using driver = await createTestDriver({
      topology: countingTopology(),
      instances: 3,
      options: { onCommitStep },
      state: () => (fresh++, memoryState()),
    });
    await send(driver);
    await driver.settle();
    armed = true;
    await send(driver);
    expect(new Set(await driver.settleOrDie())).toEqual(new Set([0, 1, 2]));
    armed = false;
    // Everything again on one instance, twice: its own work stands behind the open transactions of the dead.
    await driver.start(0);
    await driver.kill(0);
    await driver.start(0);
    await send(driver);
    await driver.settle();
    await driver.kill(0);
    await driver.start(3); // has no state but the changelog
    await send(driver);
    await driver.settle();
    expect(fresh).toBe(4);
    await driver.advance(70_000);
    await expectCounts(driver, 4);
  },
);

test('whoever takes over waits for a commit of the dead that is still on its way', async () => {
  await using driver = await createTestDriver({ topology: countingTopology(), instances: 3 });
  const held = Promise.withResolvers<void>();
  let waiting = 0;
  const remove = driver.broker.control.intercept((call) => {
    if (call.operation !== 'commit' || call.transactionalId === 'test-0') return undefined;
    waiting++;
    return held.promise;
  });
  await send(driver);
  while (waiting < 2) await new Promise<void>((resolve) => void setImmediate(resolve));
  // All die at once, so that nobody remembers whose transactions to end; those of two are under way.
  const killed = [0, 1, 2].map((i) => driver.kill(i));
  await killed[0];
  await driver.advance(12_000);
  const starting = driver.start(0);
  for (let i = 0; i < 200; i++) await new Promise<void>((resolve) => void setImmediate(resolve));
  remove();
  held.resolve();
  await Promise.all([starting, ...killed]);
  await send(driver);
  await driver.advance(10_000);
  await expectCounts(driver, 2);
});
