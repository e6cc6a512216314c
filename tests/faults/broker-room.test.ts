/** What was removed from the embedded log gives its room on the disk free. */

import { mkdtemp, readdir, rm, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import type { EmbeddedBroker } from '../../broker/index.ts';
import { openEmbeddedBroker } from '../../broker/index.ts';
import { batch, readAll, topic } from '../contract/broker-support.ts';

const ROUNDS = 120;
const MEGABYTE = 1_000_000;

let directory = '';
let broker: EmbeddedBroker;
beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'gavel-room-'));
  const owner = { command: 'vitest', pid: process.pid };
  broker = await openEmbeddedBroker({ directory, owner, durability: 'process', tailCacheBytes: MEGABYTE });
});
afterEach(async () => {
  await broker.close();
  await rm(directory, { recursive: true });
});

async function bytesOnDisk(): Promise<number> {
  const files = await readdir(directory, { recursive: true });
  const sizes = await Promise.all(files.map((file) => stat(join(directory, file))));
  return sizes.reduce((sum, { size }) => sum + size, 0);
}

/** Appends as much to each topic in turn, so that what stays lies among what goes. */
async function fill(...topics: readonly string[]): Promise<void> {
  const producer = broker.producer();
  const value = 'v'.repeat(MEGABYTE / 2);
  for (let i = 0; i < ROUNDS; i++) await producer.produce(topics.map((name) => batch(name, 0, `key:${value}`)));
}

test('superseded records of a compacted topic', async () => {
  await broker.createTopics([topic('changes', 1, { cleanup: 'compact' }), topic('kept', 1, { retentionMs: -1 })]);
  await fill('changes', 'changes', 'changes', 'kept');
  await broker.clean();
  const [kept] = await broker.listOffsets([{ topic: 'kept', partition: 0 }], 'latest');
  expect(kept?.offset).toBe(ROUNDS);
  expect(await bytesOnDisk()).toBeLessThan((ROUNDS / 2 + 20) * MEGABYTE);
  const [end] = await broker.listOffsets([{ topic: 'changes', partition: 0 }], 'latest');
  expect(end?.offset).toBe(3 * ROUNDS);
  expect((await readAll(broker, 'changes')).at(-1)).toMatch(/^359=v/);
});

test('records below the start, and deleted topics', async () => {
  await broker.createTopics([topic('purged', 1, { retentionMs: -1 }), topic('gone', 1, { retentionMs: -1 })]);
  await fill('purged', 'gone');
  await broker.deleteRecords([{ topic: 'purged', partition: 0, offset: ROUNDS }]);
  await broker.deleteTopics(['gone']);
  await broker.clean();
  expect(await bytesOnDisk()).toBeLessThan(20 * MEGABYTE);
});
