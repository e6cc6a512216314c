/** Kills the owner of an embedded broker at any moment: each transaction is there wholly, with its offset, or not at all. */

import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { afterEach, beforeEach, expect, test } from 'vitest';
import type { Broker } from '../../streams/broker.ts';
import { openEmbeddedBroker } from '../../broker/index.ts';
import { readAll } from '../contract/broker-support.ts';
import { GROUP, INPUT, KEYS, OPTIONS, filler, keyOf } from './broker-kill-plan.ts';

const CHILD = join(import.meta.dirname, 'broker-kill-child.ts');
const OWNER = { command: 'vitest', pid: process.pid };

let directory = '';
beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'gavel-kill-'));
});
afterEach(() => rm(directory, { recursive: true }));

/** Runs the writer until it has acknowledged so many transactions, then kills it; answers the last acknowledged one. */
async function writeAndKill(durability: string, transactions: number): Promise<number> {
  const child = spawn(process.execPath, [CHILD, directory, durability], { stdio: ['ignore', 'pipe', 'inherit'] });
  let acknowledged = -1;
  let left = transactions;
  for await (const line of createInterface({ input: child.stdout })) {
    acknowledged = Number(line);
    if (--left === 0) child.kill('SIGKILL'); // lines that were printed before the end are still read
  }
  if (child.exitCode === null && child.signalCode === null) await once(child, 'exit');
  expect(child.signalCode).toBe('SIGKILL');
  return acknowledged;
}

/** Checks everything; answers how many transactions are there. */
async function verify(broker: Broker): Promise<number> {
  const [committed] = await broker.groups.committedOffsets(GROUP, [INPUT]);
  const count = committed?.offset ?? 0;
  expect(committed?.metadata).toBe(`${count - 1}`);
  const all = Array.from({ length: count }, (_, n) => `${n}=${n}`);
  for (const partition of [0, 1, 2]) expect(await readAll(broker, 'out', partition)).toEqual(all);

  const latest = new Map<string, string>();
  for (let n = 0; n < count; n++) {
    const value = `${n}-${filler(n)}`;
    for (const [i, key] of [keyOf(n), keyOf(n + KEYS / 2)].entries()) latest.set(key, `${2 * n + i}=${value}`);
  }
  const changes = await readAll(broker, 'changes');
  for (const value of latest.values()) expect(changes).toContain(value);
  const offsets = changes.map((change) => Number(change.split('=')[0]));
  expect(offsets).toEqual([...offsets].sort((a, b) => a - b));
  expect(new Set(offsets).size).toBe(offsets.length);

  const purged = await readAll(broker, 'purged');
  expect(purged.at(-1)).toBe(`${count - 1}=${count - 1}`);
  expect(purged.length).toBeLessThanOrEqual(15);
  return count;
}

for (const [durability, rounds] of [
  ['process', 12],
  ['power', 4],
] as const) {
  test(`${durability}: whole transactions, with their offsets, and all that were acknowledged`, async () => {
    let before = 0;
    for (let round = 0; round < rounds; round++) {
      const acknowledged = await writeAndKill(durability, 5 + ((round * 53) % 160));
      const broker = await openEmbeddedBroker({ ...OPTIONS, directory, owner: OWNER });
      const count = await verify(broker);
      expect(count).toBeGreaterThan(acknowledged);
      expect(count).toBeGreaterThan(before);
      before = count;
      await (round % 3 === 2 ? broker.clean() : undefined);
      expect(await verify(broker)).toBe(count);
      await broker.close();
    }
    const broker = await openEmbeddedBroker({ ...OPTIONS, directory, owner: OWNER });
    await broker.clean();
    expect(await readAll(broker, 'changes')).toHaveLength(KEYS);
    await broker.close();
  });
}
