/** When punctuations run (semantics 23). */

import { expect, test } from 'vitest';
import type { Cancellable, Punctuation } from 'gavel/streams';
import { createTestDriver } from 'gavel/testing';
import { Punctuations } from '../../../../streams/runtime/punctuations.ts';
import { input, output, stepTopology, values } from './support.ts';

const at = (...times: number[]) => times.map((timestamp) => ({ key: 'k', value: '', timestamp }));

/** A step that only ticks. */
const ticking = (kind: Punctuation['kind'], intervalMs: number) =>
  stepTopology((context) => {
    context.schedule({ kind, intervalMs, run: (time) => context.forward('out', 'tick', `${time}`) });
    return { process: () => undefined };
  });

test('by stream time: at the first record, then at aligned multiples, once where a gap spans many', async () => {
  await using driver = await createTestDriver({ topology: ticking('stream', 100) });
  await driver.advance(10_000);
  expect(await driver.read(output)).toEqual([]);
  await driver.pipe(input, at(1_030, 1_080, 1_099, 1_100, 1_150, 2_050, 2_099, 2_100));
  expect(values(await driver.read(output))).toEqual(['1030', '1100', '2050', '2100']);
});

test('by the wall clock: one interval after it was scheduled, and once where a gap spans many', async () => {
  await using driver = await createTestDriver({ topology: ticking('wall-clock', 1_000), startTime: 500 });
  await driver.advance(2_000);
  expect(values(await driver.read(output))).toEqual(['1500', '2500']);
  // The clock jumps, as after a suspended laptop: one call, then the multiples go on.
  driver.clock.moveTo(7_700);
  await driver.settle();
  await driver.advance(1_000);
  expect(values(await driver.read(output))).toEqual(['7700', '8500']);
});

test('at most one call per loop, however far the clock is', () => {
  const punctuations = new Punctuations();
  const calls: number[] = [];
  punctuations.schedule({ kind: 'wall-clock', intervalMs: 10, run: (time) => void calls.push(time) }, 0);
  punctuations.run('wall-clock', 1_000, () => undefined);
  punctuations.run('wall-clock', 1_000, () => undefined);
  expect(calls).toEqual([1_000]);
  expect(punctuations.next('wall-clock')).toBe(1_010);
});

test('cancelling inside of the callback works, for itself and for another that is due', async () => {
  await using driver = await createTestDriver({
    topology: stepTopology((context) => {
      const schedules: Cancellable[] = [];
      const schedule = (name: string, run: () => void): void => {
        schedules.push(
          context.schedule({
            kind: 'stream',
            intervalMs: 10,
            run(time) {
              context.forward('out', name, `${name}${time}`);
              run();
            },
          }),
        );
      };
      schedule('once', () => schedules[0]?.cancel());
      schedule('first', () => schedules[2]?.cancel());
      schedule('never', () => undefined);
      return { process: () => undefined };
    }),
  });
  await driver.pipe(input, at(5, 15));
  expect(values(await driver.read(output))).toEqual(['once5', 'first5', 'first15']);
});

test('what a punctuation schedules has its first turn at the next record', async () => {
  await using driver = await createTestDriver({
    topology: stepTopology((context) => {
      const next = (): void => {
        const own = context.schedule({
          kind: 'stream',
          intervalMs: 10,
          run(time) {
            context.forward('out', 'tick', `${time}`);
            own.cancel();
            next();
          },
        });
      };
      next();
      return { process: () => undefined };
    }),
  });
  await driver.pipe(input, at(5, 6));
  expect(values(await driver.read(output))).toEqual(['5', '6']);
});

test('a punctuation that throws stops the instance: there is no record to skip', async () => {
  const driver = await createTestDriver({
    topology: stepTopology((context) => {
      context.schedule({
        kind: 'wall-clock',
        intervalMs: 1_000,
        run() {
          throw new Error('broken punctuation');
        },
      });
      return { process: () => undefined };
    }),
    options: { handlers: { processing: () => 'skip' } },
  });
  await expect(driver.advance(1_000)).rejects.toMatchObject({
    code: 'PROCESSING_FAILED',
    message: expect.stringMatching(/broken punctuation/) as unknown,
  });
  await driver.close();
});

test('a punctuation may wait', async () => {
  await using driver = await createTestDriver({
    topology: stepTopology((context) => {
      context.schedule({
        kind: 'wall-clock',
        intervalMs: 1_000,
        async run() {
          for await (const { key, value } of context.stores.rows.scan()) context.forward('out', key, value);
        },
      });
      return { process: ({ key, value }) => context.stores.rows.put(key, value) };
    }),
  });
  await driver.pipe(input, [
    { key: 'a', value: 'x' },
    { key: 'b', value: 'y' },
  ]);
  await driver.advance(1_000);
  expect(values(await driver.read(output))).toEqual(['x', 'y']);
});
