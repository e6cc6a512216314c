/** Exactly-once on a real Kafka: two instances, kill -9 at work, and an outside reader that counts. */

import { execFile, spawn } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { recordProducer } from 'gavel/broker';
import type { Broker } from 'gavel/streams';
import { afterEach, beforeEach, expect, inject, it } from 'vitest';
import { counts, parities, words } from '../support/counting.ts';
import type { OpenKafka } from '../support/services/open-kafka.ts';
import { openKafka } from '../support/services/open-kafka.ts';

const { bootstrapServers, libraries } = inject('kafka');
const CHILD = fileURLToPath(new URL('counting-child.ts', import.meta.url));
const INSTANCES = ['i0', 'i1'] as const;
const KEYS = 20;
const SLICE = 20_000;
const KILLS = 4;
const PATIENCE = { timeout: 60_000, interval: 50 };
/** Milliseconds without a record after which the outside reader has seen all. */
const QUIET_MS = 4_000;
const LONGS = 'org.apache.kafka.common.serialization.LongDeserializer';

let kafka: OpenKafka;
let directory: string;
const children = new Map<string, ChildProcess>();

beforeEach(async () => {
  kafka = await openKafka({ bootstrapServers });
  directory = await mkdtemp(join(tmpdir(), 'gavel-engine-'));
  await kafka.broker.createTopics([words, counts, parities]);
});
afterEach(async () => {
  for (const child of children.values()) await kill(child);
  children.clear();
  await kafka.close();
  await rm(directory, { recursive: true, force: true });
});

it('counts every word once, although instances are killed and started again', async () => {
  const producer = recordProducer(kafka.broker);
  for (const instance of INSTANCES) start(instance);
  let sent = 0;
  let killedAtWork = 0;
  for (let round = 0; round <= KILLS; round++) {
    const before = await committed(kafka.broker);
    const records = Array.from({ length: SLICE }, () => ({ key: `k${sent++ % KEYS}`, value: 'x' }));
    await producer.send(words, records);
    await expect.poll(() => committed(kafka.broker), PATIENCE).toBeGreaterThan(before);
    if (round === KILLS) break;
    const victim = INSTANCES[round % INSTANCES.length] as string;
    await kill(children.get(victim) as ChildProcess);
    if ((await committed(kafka.broker)) < sent) killedAtWork++;
    start(victim);
  }
  await expect.poll(() => committed(kafka.broker), PATIENCE).toBe(sent);
  expect(killedAtWork).toBeGreaterThan(0);
  await expect.poll(() => total(kafka.prefix), PATIENCE).toBe(sent);
  const perKey = Map.groupBy(await read(`${kafka.prefix}counts`), ({ key }) => key);
  expect(perKey.size).toBe(KEYS);
  for (const counted of perKey.values()) {
    expect(counted.map(({ value }) => value)).toEqual(Array.from({ length: sent / KEYS }, (_, i) => i + 1));
  }
  await producer.close();
}, 240_000);

function start(instance: string): void {
  const state = join(directory, instance);
  const child = spawn(process.execPath, [CHILD, bootstrapServers, kafka.prefix, state, instance], {
    stdio: ['ignore', 'ignore', 'inherit'],
  });
  children.set(instance, child);
}

async function kill(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const exited = once(child, 'exit');
  child.kill('SIGKILL');
  await exited;
}

/** Words that are counted and committed. */
async function committed(broker: Broker): Promise<number> {
  const offsets = await broker.groups.listOffsets('counting');
  return offsets.filter(({ topic }) => topic === 'words').reduce((sum, { offset }) => sum + offset, 0);
}

/** The sum of the last counts of even and odd. */
async function total(prefix: string): Promise<number> {
  const last = new Map((await read(`${prefix}parities`)).map(({ key, value }) => [key, value]));
  return [...last.values()].reduce((sum, value) => sum + value, 0);
}

/** All committed records of a topic as Kafka's own console consumer reads them, in order per key. */
async function read(topic: string): Promise<{ key: string; value: number }[]> {
  const consumer = ['-Xmx128m', '-cp', join(libraries, '*'), 'org.apache.kafka.tools.consumer.ConsoleConsumer'];
  const what = ['--bootstrap-server', bootstrapServers, '--topic', topic, '--from-beginning'];
  const how = ['--isolation-level', 'read_committed', '--timeout-ms', String(QUIET_MS)];
  const format = ['--property', 'print.key=true', '--property', `value.deserializer=${LONGS}`];
  const { stdout } = await promisify(execFile)('java', [...consumer, ...what, ...how, ...format], {
    maxBuffer: 64 * 1024 * 1024,
  });
  const lines = stdout.split('\n').filter((line) => line !== '');
  return lines.map((line) => {
    const [key = '', value = ''] = line.split('\t');
    return { key, value: Number(BigInt.asIntN(64, BigInt(value) ^ (1n << 63n))) }; // the serde flips the sign
  });
}
