/** Instances that were taken for dead and come back: what they had begun is refused, whichever fence meets it first (semantics 16, 17). */

import { setImmediate as nextTurn } from 'node:timers/promises';
import { expect, test } from 'vitest';
import { GavelError } from 'gavel/streams';
import { createTestDriver } from 'gavel/testing';
import type { TestDriver } from 'gavel/testing';
import { counts, countingTopology, words } from '../support/counting.ts';

const WORDS = [...'abcdefghijklm'];

const send = (driver: TestDriver): Promise<void> =>
  driver.send(
    words,
    WORDS.map((key) => ({ key, value: 'x' })),
  );

async function expectCounts(driver: TestDriver, rounds: number): Promise<void> {
  const seen: { [word: string]: number[] } = {};
  for (const { key, value } of await driver.read(counts)) (seen[key as string] ??= []).push(value as number);
  const all = Array.from({ length: rounds }, (_, i) => i + 1);
  expect(seen).toEqual(Object.fromEntries(WORDS.map((word) => [word, all])));
}

/** Holds requests of instance 0 of this kind, and tells when one waits. */
function hold(
  driver: TestDriver,
  operation: string,
): { readonly waiting: Promise<void>; readonly release: () => void } {
  const held = Promise.withResolvers<void>();
  const waiting = Promise.withResolvers<void>();
  const remove = driver.broker.control.intercept((call) => {
    if (call.transactionalId !== 'test-0' || call.operation !== operation) return undefined;
    waiting.resolve();
    return held.promise;
  });
  const release = (): void => {
    remove();
    held.resolve();
  };
  return { waiting: waiting.promise, release };
}

/** Moves the clock on where `settle` cannot, since something is held back. */
async function pass(driver: TestDriver, ms: number): Promise<void> {
  for (let left = ms; left > 0; left -= 500) {
    driver.clock.moveTo(driver.clock.now() + 500);
    for (let turn = 0; turn < 8; turn++) await nextTurn();
  }
}

test.each(['produce', 'commitOffsets', 'commit'])(
  'a zombie whose %s comes late changes nothing: a member that stayed has ended its transactions',
  async (operation) => {
    await using driver = await createTestDriver({ topology: countingTopology(), instances: 2 });
    const { waiting, release } = hold(driver, operation);
    await send(driver);
    await waiting;
    driver.pause(0);
    await pass(driver, 15_000);
    release();
    for (let turn = 0; turn < 50; turn++) await nextTurn();
    await pass(driver, 15_000);
    expect(driver.status()[1]?.tasks).toHaveLength(6);
    driver.resume(0);
    await send(driver);
    await driver.advance(30_000);
    expect(driver.status().map((status) => status?.tasks.length)).toEqual([3, 3]);
    await expectCounts(driver, 2);
  },
);

test('a zombie that nobody remembers is refused by its generation', async () => {
  await using driver = await createTestDriver({ topology: countingTopology(), instances: 2 });
  const { waiting, release } = hold(driver, 'commitOffsets');
  await send(driver);
  await waiting;
  // The only member that knows its transactional id dies with it, and starts anew.
  driver.pause(0);
  await driver.kill(1);
  await pass(driver, 15_000);
  const starting = driver.start(1);
  await pass(driver, 5_000);
  release();
  for (let turn = 0; turn < 50; turn++) await nextTurn();
  await starting;
  driver.resume(0);
  await send(driver);
  await driver.advance(90_000);
  await expectCounts(driver, 2);
});

test.each(['at-least-once', 'exactly-once'] as const)(
  'a paused instance that resumes joins again with nothing of its own (%s)',
  async (guarantee) => {
    const warnings: string[] = [];
    await using driver = await createTestDriver({
      topology: countingTopology(),
      instances: 2,
      options: { guarantee, listeners: { onWarning: ({ code }) => warnings.push(code) } },
    });
    await send(driver);
    await driver.settle();
    driver.pause(0);
    await driver.advance(15_000);
    await send(driver);
    await driver.settle();
    driver.resume(0);
    await driver.advance(20_000);
    await send(driver);
    await driver.advance(20_000);
    expect(warnings).toContain('MEMBERSHIP_LOST');
    expect(driver.status().map((status) => status?.tasks.length)).toEqual([3, 3]);
    await expectCounts(driver, 3);
  },
);

test('who takes over ends what the dead left open instead of waiting for its time-out', async () => {
  let armed = false;
  await using driver = await createTestDriver({
    topology: countingTopology(),
    instances: 2,
    options: {
      onCommitStep(step) {
        if (!armed || step !== 5) return;
        armed = false;
        throw new GavelError('KILLED', 'died with its transaction open');
      },
    },
  });
  armed = true;
  await send(driver);
  const [dead] = await driver.settleOrDie();
  const other = dead === 0 ? 1 : 0;
  const began = driver.clock.now();
  while ((driver.status()[other]?.tasks.length ?? 0) < 6) await driver.advance(500);
  // The session of the dead had to time out; its transaction would have lasted a minute.
  expect(driver.clock.now() - began).toBeLessThan(20_000);
  await expectCounts(driver, 1);
});
