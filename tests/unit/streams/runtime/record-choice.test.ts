/** Which record a task takes, when it may run, and what it commits (semantics 1, 2, 5). */

import { expect, test } from 'vitest';
import { port, processor, sink, source, topology } from 'gavel/streams';
import type { Topology } from 'gavel/streams';
import { createTestDriver } from 'gavel/testing';
import type { TestDriver } from 'gavel/testing';
import { batchesOf } from '../../../../testing/topic-io.ts';
import { input, keepAndForward, output, stepTopology, textTopic, values } from './support.ts';

const left = textTopic({ name: 'left' });
const right = textTopic({ name: 'right' });

/** Forwards what comes from both, in the order in which the task takes it. */
function mergeTopology(): Topology {
  const merge = processor({
    name: 'merge',
    from: [source({ name: 'left', topic: left }).out, source({ name: 'right', topic: right }).out],
    ports: { out: port<string, string>() },
    create: ({ forward }) => ({ process: ({ key, value }) => forward('out', key, value) }),
  });
  return topology({ merge: [sink({ name: 'out', from: [merge.out.out], topic: output })] });
}

const at = (...times: number[]) => times.map((timestamp) => ({ key: 'k', value: `${timestamp}`, timestamp }));

/** Lets nothing of a topic be fetched until told. */
function holdFetches(driver: TestDriver, topic: string): () => void {
  const held = Promise.withResolvers<void>();
  const remove = driver.broker.control.intercept((call) =>
    call.operation === 'fetch' && call.topic === topic ? held.promise : undefined,
  );
  return () => {
    remove();
    held.resolve();
  };
}

test('the head with the lowest time comes first, and no input is reordered', async () => {
  await using driver = await createTestDriver({ topology: mergeTopology(), instances: 0 });
  await driver.send(left, at(10, 40, 20, 70));
  await driver.send(right, at(15, 30, 60));
  await driver.start(0);
  expect(values(await driver.read(output))).toEqual(['10', '15', '30', '40', '20', '60', '70']);
});

test('a task waits for an empty input while the broker holds more of it', async () => {
  await using driver = await createTestDriver({ topology: mergeTopology(), instances: 0 });
  await driver.send(left, at(10, 20));
  await driver.send(right, at(15));
  // The end of `right` is not known before its first fetch is answered.
  const release = holdFetches(driver, right.name);
  const starting = driver.start(0);
  for (let i = 0; i < 50; i++) await Promise.resolve();
  await driver.settle();
  expect(await driver.read(output)).toEqual([]);
  release();
  await starting;
  await driver.settle();
  expect(values(await driver.read(output))).toEqual(['10', '15', '20']);
});

test('a task does not wait for an input at the end of its log', async () => {
  await using driver = await createTestDriver({ topology: mergeTopology() });
  await driver.pipe(left, at(10, 20));
  expect(values(await driver.read(output))).toEqual(['10', '20']);
});

test('with maxTaskIdleMs it waits that long from the first look, then goes on without', async () => {
  await using driver = await createTestDriver({ topology: mergeTopology(), options: { maxTaskIdleMs: 1_000 } });
  await driver.pipe(left, at(10));
  expect(await driver.read(output)).toEqual([]);
  await driver.advance(600);
  await driver.pipe(left, at(20)); // does not begin the wait anew
  await driver.advance(399);
  expect(await driver.read(output)).toEqual([]);
  await driver.advance(1);
  expect(values(await driver.read(output))).toEqual(['10', '20']);
  await driver.pipe(left, at(30)); // the other is idle still
  expect(values(await driver.read(output))).toEqual([]);
  await driver.advance(1_000);
  expect(values(await driver.read(output))).toEqual(['30']);
});

test('with maxTaskIdleMs a record that comes in time takes its turn', async () => {
  await using driver = await createTestDriver({ topology: mergeTopology(), options: { maxTaskIdleMs: 1_000 } });
  await driver.pipe(left, at(10, 30));
  await driver.advance(999);
  await driver.pipe(right, at(20));
  expect(values(await driver.read(output))).toEqual(['10', '20']);
  await driver.advance(1_000);
  expect(values(await driver.read(output))).toEqual(['30']);
});

test('the offset to commit is that of the next buffered record', async () => {
  await using driver = await createTestDriver({ topology: mergeTopology(), options: { maxTaskIdleMs: 1_000 } });
  await driver.pipe(left, at(10, 30));
  await driver.pipe(right, at(20));
  const [task] = driver.status()[0]?.tasks ?? [];
  expect(task?.inputs.map(({ topic, position, committed }) => [topic, position, committed])).toEqual([
    ['left', 1, 1],
    ['right', 1, 1],
  ]);
  const partitions = [left, right].map(({ name }) => ({ topic: name, partition: 0 }));
  const committed = await driver.broker.groups.committedOffsets('test', partitions);
  expect(committed.map(({ topic, offset }) => [topic, offset])).toEqual([
    ['left', 1],
    ['right', 1],
  ]);
});

/** Sends records in a transaction of somebody else. */
async function transaction(driver: TestDriver, commit: boolean, count = 1): Promise<void> {
  const producer = driver.broker.transactionalProducer('somebody');
  await producer.init();
  const open = producer.begin();
  await open.produce(
    batchesOf(
      input,
      Array.from({ length: count }, () => ({ key: 'a', value: 'x' })),
      0,
    ),
  );
  await (commit ? open.commit() : open.abort());
}

test('markers and aborted records are passed, and lag reaches 0', async () => {
  await using driver = await createTestDriver({ topology: stepTopology(keepAndForward) });
  await transaction(driver, true, 3);
  await transaction(driver, false, 4);
  await driver.settle();
  const committed = async (): Promise<number | undefined> =>
    (await driver.broker.groups.committedOffsets('test', [{ topic: input.name, partition: 0 }]))[0]?.offset;
  // Three records and their marker, four aborted ones and theirs.
  expect(await committed()).toBe(9);
  expect(driver.status()[0]?.tasks[0]?.inputs[0]).toMatchObject({ position: 9, committed: 9, end: 9, lag: 0 });
  expect(await driver.read(output)).toHaveLength(3);
  // Nothing but an aborted transaction: there is no record after which to commit.
  await transaction(driver, false);
  await driver.settle();
  expect(await committed()).toBe(11);
  expect(await driver.read(output)).toEqual([]);
});

test('committing what only markers moved is done once', async () => {
  await using driver = await createTestDriver({ topology: stepTopology(keepAndForward) });
  await transaction(driver, false);
  await driver.settle();
  const before = driver.status()[0]?.commits;
  await driver.advance(5_000);
  expect(driver.status()[0]?.commits).toBe(before);
});
