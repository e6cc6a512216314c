/** Stream time and partition time: what moves them, and that they survive (semantics 3, 4). */

import { expect, test } from 'vitest';
import { memoryState } from 'gavel/stores';
import { createTestDriver } from 'gavel/testing';
import { input, output, stepTopology, textTopic, values } from './support.ts';
import type { Step } from './support.ts';

/** Forwards the stream time that each record sees. */
const tellTime: Step = (context) => ({
  process: ({ key }) => context.forward('out', key, `${context.streamTime}`),
});

const at = (...times: number[]) => times.map((timestamp) => ({ key: 'k', value: '', timestamp }));

test('stream time is the highest time processed, and never goes back', async () => {
  await using driver = await createTestDriver({ topology: stepTopology(tellTime) });
  expect(driver.status()[0]?.tasks[0]?.streamTime).toBe(-1);
  await driver.pipe(input, at(50, 20, 70, 60));
  expect(values(await driver.read(output))).toEqual(['50', '50', '70', '70']);
  expect(driver.status()[0]?.tasks[0]?.streamTime).toBe(70);
});

test('stream time survives a restart, a new disk and a move to another instance', async () => {
  const disks = [memoryState(), memoryState(), memoryState()];
  let disk = 0;
  await using driver = await createTestDriver({
    topology: stepTopology(tellTime),
    state: () => disks[disk++] ?? memoryState(),
  });
  await driver.pipe(input, at(70));
  await driver.kill(0);
  await driver.start(0);
  await driver.pipe(input, at(10));
  await driver.stop(0);
  await driver.start(1); // on a disk of its own: the changelog tells it
  await driver.pipe(input, at(20));
  expect(values(await driver.read(output))).toEqual(['70', '70', '70']);
});

test('stream time that was processed and not committed is forgotten with its epoch', async () => {
  let poison = true;
  await using driver = await createTestDriver({
    topology: stepTopology((context) => ({
      process({ key, value }) {
        if (value === 'poison' && poison) {
          poison = false;
          throw new Error('poison');
        }
        context.forward('out', key, `${context.streamTime}`);
      },
    })),
    options: { handlers: { processing: () => 'skip' } },
  });
  await driver.pipe(input, [
    { key: 'k', value: '', timestamp: 10 },
    { key: 'k', value: 'poison', timestamp: 90 },
    { key: 'k', value: '', timestamp: 20 },
  ]);
  // Any record of the partition moves time, also one that is skipped; but the first is run again before it.
  expect(values(await driver.read(output))).toEqual(['10', '90']);
});

test('partition time travels in the metadata of the committed offset', async () => {
  await using driver = await createTestDriver({ topology: stepTopology(tellTime) });
  const metadata = async (): Promise<string | undefined> =>
    (await driver.broker.groups.committedOffsets('test', [{ topic: input.name, partition: 0 }]))[0]?.metadata;
  expect(await metadata()).toBe('-1');
  await driver.pipe(input, at(50, 20));
  expect(await metadata()).toBe('50');
  await driver.kill(0);
  await driver.start(0);
  await driver.pipe(input, at(30));
  expect(await metadata()).toBe('50');
});

test('a source may take the time from the record', async () => {
  await using driver = await createTestDriver({
    topology: stepTopology(
      (context) => ({
        process: ({ key, timestamp }) => context.forward('out', key, `${timestamp}/${context.streamTime}`),
      }),
      { source: { timestamp: ({ value }) => Number(value) } },
    ),
  });
  await driver.pipe(input, [
    { key: 'a', value: '500', timestamp: 1 },
    { key: 'b', value: '-1', timestamp: 2 },
    { key: 'c', value: 'no number', timestamp: 3 },
    { key: 'd', value: '400', timestamp: 4 },
  ]);
  expect(values(await driver.read(output))).toEqual(['500/500', '400/500']);
  expect(await driver.readDeadLetters(input)).toHaveLength(2);
});

test('a source may begin at the end of its log, and goes on where it stopped', async () => {
  const topologyOf = stepTopology(({ forward }) => ({ process: ({ key, value }) => forward('out', key, value) }), {
    source: { reset: 'latest' },
  });
  await using driver = await createTestDriver({ topology: topologyOf, instances: 0 });
  await driver.send(input, [{ key: 'a', value: 'before' }]);
  await driver.start(0);
  await driver.pipe(input, [{ key: 'a', value: 'after' }]);
  await driver.stop(0);
  await driver.send(input, [{ key: 'a', value: 'while away' }]);
  await driver.start(0);
  expect(values(await driver.read(output))).toEqual(['after', 'while away']);
});

test('what a wake forwards has the time to which it was woken', async () => {
  const clocked = textTopic({ name: 'clocked', timestampType: 'append' });
  await using driver = await createTestDriver({
    topology: stepTopology(
      (context) => ({
        process: ({ timestamp }) => context.wakeAt(timestamp + 500),
        wake(time) {
          context.forward('out', 'woken', `${time}`);
          return undefined;
        },
      }),
      { from: clocked, source: { clock: true } },
    ),
    startTime: 1_000,
  });
  await driver.pipe(clocked, [{ key: 'a', value: '' }]);
  await driver.advance(1_000);
  expect((await driver.read(output)).map(({ value, timestamp }) => [value, timestamp])).toEqual([['1500', 1_500]]);
});
