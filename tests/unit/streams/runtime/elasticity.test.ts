/** Several instances: tasks move, those that stay are left alone, offsets and state must fit together (semantics 16, 19). */

import { expect, test } from 'vitest';
import { port, processor, repartition, sink, source, stringSerde, topology } from 'gavel/streams';
import { memoryState } from 'gavel/stores';
import { createTestDriver } from 'gavel/testing';
import type { TestDriver } from 'gavel/testing';
import { counts, countingTopology, words } from '../../../support/counting.ts';
import { input, keepAndForward, output, stepTopology, textTopic, values } from './support.ts';

const six = textTopic({ name: 'six', partitions: 6 });

const tasksOf = (driver: TestDriver): (readonly string[])[] =>
  driver.status().map((status) => status?.tasks.map(({ id }) => id) ?? []);

test('tasks that stay are never reset by a rebalance', async () => {
  const created: string[] = [];
  const closed: string[] = [];
  const restored: string[] = [];
  await using driver = await createTestDriver({
    topology: stepTopology(
      ({ partition, forward }) => {
        created.push(`step-${partition}`);
        return {
          process: ({ key, value }) => forward('out', key, value),
          close: () => void closed.push(`step-${partition}`),
        };
      },
      { from: six },
    ),
    options: { listeners: { onRestore: ({ task, remaining }) => void (remaining === 0 && restored.push(task)) } },
    state: () => memoryState(),
  });
  expect(created).toHaveLength(6);
  for (const i of [1, 2]) {
    const before = tasksOf(driver);
    created.length = closed.length = restored.length = 0;
    await driver.start(i);
    await driver.advance(20_000);
    const after = tasksOf(driver);
    const moved = (after[i] as readonly string[]).toSorted();
    // Who was there keeps what it has but for what the newcomer got.
    for (const [at, tasks] of before.entries())
      expect(after[at]).toEqual(tasks.filter((task) => !moved.includes(task)));
    expect(created.toSorted()).toEqual(moved);
    expect(closed.toSorted()).toEqual(moved);
    expect(restored.toSorted()).toEqual(moved);
  }
  expect(tasksOf(driver).map((tasks) => tasks.length)).toEqual([2, 2, 2]);
  created.length = closed.length = 0;
  driver.broker.control.rebalance('test');
  await driver.advance(20_000);
  expect([created, closed]).toEqual([[], []]);
});

test('work goes on in the tasks that stay while a rebalance waits for somebody', async () => {
  await using driver = await createTestDriver({ topology: stepTopology(keepAndForward, { from: six }), instances: 2 });
  // The second instance does not answer the rebalance that the first one joins.
  driver.pause(1);
  driver.broker.control.rebalance('test');
  driver.clock.moveTo(driver.clock.now() + 4_000);
  const [mine] = tasksOf(driver);
  const partition = Number(mine?.[0]?.slice(-1));
  await driver.send(six, [{ key: 'a', value: 'during', partition }]);
  for (let i = 0; i < 50; i++) await new Promise<void>((resolve) => void setImmediate(resolve));
  expect(tasksOf(driver)[0]).toEqual(mine);
  const input_ = driver.status()[0]?.tasks.find(({ id }) => id === `step-${partition}`)?.inputs[0];
  expect(input_).toMatchObject({ position: 1, committed: 0 }); // processed, and committed once the tasks are known to stay
  driver.resume(1);
  await driver.advance(60_000);
  expect(values(await driver.read(output))).toEqual(['during']);
});

test('committing one task means committing all of its producer', async () => {
  await using driver = await createTestDriver({ topology: countingTopology() });
  const transactions: string[][] = [];
  driver.broker.control.intercept((call) => {
    if (call.transactionalId === undefined) return undefined;
    if (call.operation === 'commitOffsets') transactions.push([]);
    return undefined;
  });
  driver.pause(0);
  for (const partition of [0, 1, 2]) await driver.send(words, [{ key: 'a', value: 'x', partition }]);
  driver.resume(0);
  await driver.settle();
  // One for the counters, one for what they sent through the repartition.
  expect(transactions.length).toBeLessThanOrEqual(2);
  expect(await driver.read(counts)).toHaveLength(3);
});

test('without group offsets but with state it refuses to start, and nothing is reset', async () => {
  const disk = memoryState();
  const driver = await createTestDriver({ topology: stepTopology(keepAndForward), state: () => disk });
  await driver.pipe(input, [{ key: 'a', value: 'x' }]);
  await driver.stop(0);
  await driver.broker.groups.deleteOffsets('test', [{ topic: input.name, partition: 0 }]);
  await expect(driver.start(0)).rejects.toMatchObject({
    code: 'GROUP_OFFSETS_MISSING',
    hint: expect.stringMatching(/nothing was reset/) as unknown,
  });
  expect(await driver.broker.groups.committedOffsets('test', [{ topic: input.name, partition: 0 }])).toEqual([]);
  await driver.kill(0);
  expect(values(await driver.read(output))).toEqual(['x']);
  await driver.close();
});

test('the start position of a source counts as state: nothing is skipped although nothing was processed', async () => {
  const disk = memoryState();
  const topologyOf = stepTopology(keepAndForward, { source: { reset: 'latest' } });
  const driver = await createTestDriver({ topology: topologyOf, state: () => disk });
  await driver.stop(0);
  await driver.send(input, [{ key: 'a', value: 'x' }]);
  await driver.broker.groups.deleteOffsets('test', [{ topic: input.name, partition: 0 }]);
  await expect(driver.start(0)).rejects.toMatchObject({ code: 'GROUP_OFFSETS_MISSING' });
  await driver.close();
});

test('state that is ahead of the group is an error', async () => {
  const disk = memoryState();
  const driver = await createTestDriver({ topology: stepTopology(keepAndForward), state: () => disk });
  await driver.pipe(input, [{ key: 'a', value: 'x' }]);
  await driver.stop(0);
  const back = { topic: input.name, partition: 0, offset: 0, metadata: '' };
  await driver.broker.groups.commitOffsets({ groupId: 'test', generation: -1, memberId: '' }, [back]);
  await expect(driver.start(0)).rejects.toMatchObject({ code: 'STATE_AHEAD' });
  await driver.close();
});

test('a source that is new to the topology begins by its reset policy', async () => {
  const { broker, clock } = await createTestDriver({ topology: stepTopology(keepAndForward) }).then(async (driver) => {
    await driver.pipe(input, [{ key: 'a', value: 'x' }]);
    await driver.stop(0);
    return driver;
  });
  const added = textTopic({ name: 'added' });
  const both = processor({
    name: 'step',
    from: [source({ name: 'in', topic: input }).out, source({ name: 'added', topic: added }).out],
    ports: { out: port<string, string>() },
    create: ({ forward }) => ({ process: ({ key, value }) => forward('out', key, value) }),
  });
  await using driver = await createTestDriver({
    topology: topology({ step: [sink({ name: 'out', from: [both.out.out], topic: output })] }),
    broker,
    clock,
    instances: 0,
  });
  await driver.send(added, [{ key: 'b', value: 'y' }]);
  await driver.start(1);
  expect(values(await driver.read(output))).toEqual(['x', 'y']);
});

test('where the log lost the offset of a source, it goes on by the reset policy and says so', async () => {
  const warnings: string[] = [];
  await using driver = await createTestDriver({
    topology: stepTopology(keepAndForward),
    options: { listeners: { onWarning: ({ code }) => warnings.push(code) } },
  });
  await driver.pipe(input, [{ key: 'a', value: '1' }]);
  await driver.stop(0);
  await driver.send(
    input,
    ['2', '3', '4'].map((value) => ({ key: 'a', value })),
  );
  await driver.broker.deleteRecords([{ topic: input.name, partition: 0, offset: 3 }]);
  await driver.start(0);
  await driver.settle();
  expect(values(await driver.read(output))).toEqual(['1', '4']);
  expect(warnings).toEqual(['OFFSET_OUT_OF_RANGE']);
});

test('a member that knows another topology gets only the tasks that it has', async () => {
  const plain = stepTopology(keepAndForward, { from: textTopic({ name: 'in2', partitions: 2 }) });
  const grown = (() => {
    const records = source({ name: 'in', topic: textTopic({ name: 'in2', partitions: 2 }) });
    const step = processor({
      name: 'step',
      from: [records.out],
      ports: { out: port<string, string>() },
      create: ({ forward }) => ({ process: ({ key, value }) => forward('out', key, value) }),
    });
    const again = repartition({ name: 'again', from: [step.out.out], key: stringSerde, value: stringSerde });
    const last = processor({
      name: 'last',
      from: [again.out],
      ports: { out: port<string, string>() },
      create: ({ forward }) => ({ process: ({ key, value }) => forward('out', key, value) }),
    });
    return topology({ step: [again], last: [sink({ name: 'out', from: [last.out.out], topic: output })] });
  })();
  const old = await createTestDriver({ topology: plain });
  const { broker, clock } = old;
  const young = await createTestDriver({ topology: grown, broker, clock, instances: 0 });
  await young.start(1);
  for (let i = 0; i < 20; i++) {
    await old.advance(1_000);
    await young.settle();
  }
  expect(tasksOf(old)[0]?.every((task) => task.startsWith('step-'))).toBe(true);
  expect(tasksOf(young)[1]).toEqual(expect.arrayContaining(['last-0', 'last-1']));
  const all = [...(tasksOf(old)[0] ?? []), ...(tasksOf(young)[1] ?? [])].sort();
  expect(all).toEqual(['last-0', 'last-1', 'step-0', 'step-1']);
  await young.stop(1);
  await old.stop(0);
});
