/** A crash at every numbered step of the commit, with the outcome known or not, loses and doubles nothing (semantics 16). */

import { expect, test } from 'vitest';
import { GavelError } from 'gavel/streams';
import type { CommitStep } from 'gavel/streams';
import { createTestDriver } from 'gavel/testing';
import type { TestDriver } from 'gavel/testing';
import { counts, countingTopology, parities, words } from '../support/counting.ts';

const WORDS = [...'abcdefghijklm'];
const ROUNDS = 6;

/** Each count of each word exactly once, in order; and the parities add up. */
async function expectExactlyOnce(driver: TestDriver): Promise<void> {
  const seen = new Map<string, number[]>();
  for (const { key, value } of await driver.read(counts))
    seen.set(key as string, [...(seen.get(key as string) ?? []), value as number]);
  const all = Array.from({ length: ROUNDS }, (_, i) => i + 1);
  expect(Object.fromEntries(seen)).toEqual(Object.fromEntries(WORDS.map((word) => [word, all])));
  const last = new Map((await driver.read(parities)).map(({ key, value }) => [key, value]));
  expect(Object.fromEntries(last)).toEqual({ odd: (WORDS.length * ROUNDS) / 2, even: (WORDS.length * ROUNDS) / 2 });
}

async function runRounds(driver: TestDriver, round: (i: number) => Promise<void>): Promise<void> {
  for (let i = 0; i < ROUNDS; i++) {
    await driver.send(
      words,
      WORDS.map((key) => ({ key, value: 'x' })),
    );
    await round(i);
  }
  await driver.advance(20_000);
}

for (const step of [1, 2, 3, 4, 5, 6] as const) {
  for (const instances of [1, 3]) {
    test(`dies before step ${step} with ${instances} instance(s)`, async () => {
      let armed = false;
      const onCommitStep = (at: CommitStep): void => {
        if (!armed || at !== step) return;
        armed = false;
        throw new GavelError('KILLED', `died before step ${at}`);
      };
      await using driver = await createTestDriver({
        topology: countingTopology(),
        instances,
        options: { onCommitStep },
      });
      let deaths = 0;
      await runRounds(driver, async (i) => {
        armed = i % 2 === 1;
        const dead = await driver.settleOrDie();
        for (const instance of dead) {
          deaths++;
          await driver.advance(15_000);
          await driver.start(instance);
        }
      });
      expect(deaths).toBe(3);
      await expectExactlyOnce(driver);
    });
  }
}

for (const operation of ['produce', 'commitOffsets', 'commit'] as const) {
  for (const fault of ['fail', 'apply-then-fail'] as const) {
    test(`${operation} is ${fault === 'fail' ? 'lost' : 'applied but not answered'}`, async () => {
      await using driver = await createTestDriver({ topology: countingTopology(), instances: 3 });
      let armed = false;
      let injected = 0;
      driver.broker.control.intercept((call) => {
        if (!armed || call.operation !== operation || call.transactionalId === undefined) return undefined;
        armed = false;
        injected++;
        return fault;
      });
      await runRounds(driver, async (i) => {
        armed = i % 2 === 1;
        await driver.settle();
      });
      expect(injected).toBe(3);
      await expectExactlyOnce(driver);
    });
  }
}
