/** Checks of a machine and a data directory, each with what to do about it. */

import { existsSync } from 'node:fs';
import { access, constants, statfs } from 'node:fs/promises';
import { dirname } from 'node:path';

import { readRecords } from 'gavel/broker';
import { levelState } from 'gavel/stores';
import type { Broker, StateBackend } from 'gavel/streams';
import { isGavelError } from 'gavel/streams';

import { dataDirectory, sizeOf } from './data-directory.ts';
import { readEndpoint } from './endpoint.ts';
import type { Platform } from './platform.ts';
import { APPLICATION_ID, openPlatform } from './platform.ts';
import { formatBytes } from './print.ts';
import type { Settings } from './settings.ts';

export interface Finding {
  readonly check: string;
  /** `warn` is worth a look, `fail` must be mended. */
  readonly result: 'ok' | 'warn' | 'fail';
  readonly detail: string;
  readonly hint: string | null;
}

/** The broker writes no more below it. */
const FREE_BYTES_MIN = 64 * 1024 ** 2;
const FREE_BYTES_GOOD = 1024 ** 3;

/** Every check that can be made; those of the data only where there are some. */
export async function examine(settings: Settings): Promise<readonly Finding[]> {
  const { dataDir } = settings;
  const findings = [nodeVersion(), await writable(dataDir), await diskSpace(dataDir)];
  if (!existsSync(dataDirectory(dataDir).schemas)) {
    return [...findings, ok('data', `none in ${dataDir} yet`)];
  }
  findings.push(ok('data', `${formatBytes(await sizeOf(dataDir))} in ${dataDir}`), await ownership(dataDir));
  try {
    await using platform = await openPlatform({ settings, command: 'gavel doctor' });
    findings.push(ok('registry', `answers at ${platform.registryUrl}, the schemas fit`));
    findings.push(...(await logs(platform.broker)), await positions(platform));
    if (platform.owner === undefined) findings.push(await state(platform));
  } catch (error) {
    findings.push(failed('opening', error));
  }
  return findings;
}

function nodeVersion(): Finding {
  return ok('node', `${process.version} on ${process.platform}-${process.arch}`);
}

async function writable(dataDir: string): Promise<Finding> {
  const path = existsSync(dataDir) ? dataDir : existingParent(dataDir);
  try {
    await access(path, constants.R_OK | constants.W_OK);
    return ok('directory', `${dataDir} can be written`);
  } catch {
    return {
      check: 'directory',
      result: 'fail',
      detail: `${path} cannot be written`,
      hint: 'change its rights, or take another one with --data-dir',
    };
  }
}

async function diskSpace(dataDir: string): Promise<Finding> {
  const { bavail, bsize } = await statfs(existingParent(dataDir));
  const free = bavail * bsize;
  const detail = `${formatBytes(free)} free`;
  if (free < FREE_BYTES_MIN)
    return { check: 'disk', result: 'fail', detail, hint: 'make room: nothing is written any more' };
  if (free < FREE_BYTES_GOOD) return { check: 'disk', result: 'warn', detail, hint: 'make room soon' };
  return ok('disk', detail);
}

async function ownership(dataDir: string): Promise<Finding> {
  const endpoint = await readEndpoint(dataDirectory(dataDir).endpoint);
  if (endpoint === undefined) return ok('owner', 'nobody serves the directory');
  if (isAlive(endpoint.pid)) return ok('owner', `process ${endpoint.pid}, metrics at ${endpoint.address}`);
  return ok('owner', `process ${endpoint.pid} was killed; the next one takes over`);
}

/** Reads all topics to their ends: the broker checks the sum of every batch that it reads from the disk. */
async function logs(broker: Broker): Promise<readonly Finding[]> {
  const topics = await broker.describeTopics();
  const all = topics.flatMap(({ name: topic, partitions }) =>
    Array.from({ length: partitions }, (_, partition) => ({ topic, partition })),
  );
  const [starts, ends] = await Promise.all([broker.listOffsets(all, 'earliest'), broker.listOffsets(all, 'latest')]);
  const damaged: Finding[] = [];
  let records = 0;
  for (const [i, { topic, partition, offset: from }] of starts.entries()) {
    try {
      for await (const _ of readRecords(broker, [{ topic, partition, from, to: ends[i]?.offset ?? from }]))
        records += 1;
    } catch (error) {
      damaged.push(failed('logs', error));
    }
  }
  return damaged.length > 0 ? damaged : [ok('logs', `${records} records in ${topics.length} topics can be read`)];
}

/** Where the group stands must be within the logs. */
async function positions({ broker }: Platform): Promise<Finding> {
  const committed = await broker.groups.listOffsets(APPLICATION_ID);
  const [starts, ends] = await Promise.all([
    broker.listOffsets(committed, 'earliest'),
    broker.listOffsets(committed, 'latest'),
  ]);
  const outside = committed.filter(
    ({ offset }, i) => offset > (ends[i]?.offset ?? 0) || offset < (starts[i]?.offset ?? 0),
  );
  if (outside.length === 0) return ok('positions', `${committed.length} committed offsets, all within their logs`);
  const detail = `outside of their logs: ${outside.map(({ topic, partition, offset }) => `${topic}-${partition}@${offset}`).join(', ')}`;
  return { check: 'positions', result: 'fail', detail, hint: 'restore the directory from a backup' };
}

/** Reads the store of every task to its end. */
async function state({ directory }: Platform): Promise<Finding> {
  const backend = levelState({ directory: directory.state(APPLICATION_ID) });
  const tasks = await backend.list();
  const damaged: string[] = [];
  let rows = 0;
  for (const task of tasks) {
    try {
      rows += await countRows(backend, task);
    } catch (error) {
      if (!isGavelError(error, 'STATE_CORRUPT')) throw error;
      damaged.push(task);
    }
  }
  if (damaged.length === 0) return ok('state', `${rows} rows of ${tasks.length} tasks can be read`);
  const hint = 'nothing to do: the engine rebuilds it from its changelog when it meets the damage';
  return { check: 'state', result: 'warn', detail: `damaged: ${damaged.join(', ')}`, hint };
}

async function countRows(backend: StateBackend, task: string): Promise<number> {
  const storage = await backend.open(task);
  const iterator = storage.iterate({ gte: Buffer.alloc(0), lt: Buffer.alloc(64, 0xff) });
  try {
    for (let rows = 0; ;) {
      const entries = await iterator.next(1_000);
      if (entries.length === 0) return rows;
      rows += entries.length;
    }
  } finally {
    await iterator.close();
    await storage.close();
  }
}

function ok(check: string, detail: string): Finding {
  return { check, result: 'ok', detail, hint: null };
}

function failed(check: string, error: unknown): Finding {
  if (!isGavelError(error)) throw error;
  return { check, result: 'fail', detail: `${error.code}: ${error.message}`, hint: error.hint ?? null };
}

function existingParent(path: string): string {
  return existsSync(path) ? path : existingParent(dirname(path));
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM'; // another user's
  }
}
