/** `dev --fresh`: removes a data directory, but only one of ours, that nobody holds, and with consent. */

import { existsSync } from 'node:fs';
import { readdir, rm } from 'node:fs/promises';

import { openEmbeddedBroker } from 'gavel/broker';
import { GavelError, isGavelError } from 'gavel/streams';

import { dataDirectory, sizeOf } from '../data-directory.ts';
import { formatBytes } from '../print.ts';
import type { World } from '../world.ts';

/** @throws GavelError `UNSAFE` without `consent`, `DIRECTORY_OWNED`, `INPUT_INVALID` where the directory holds something else */
export async function startFresh(world: World, path: string, consent: boolean): Promise<void> {
  const entries = existsSync(path) ? await readdir(path) : [];
  if (entries.length === 0) return;
  if (!existsSync(dataDirectory(path).schemas)) {
    throw new GavelError('INPUT_INVALID', `${path} holds no data of gavel, so it is not removed`, {
      hint: 'check --data-dir',
    });
  }
  const plan = `remove ${path} with ${formatBytes(await sizeOf(path))} of logs, schemas and state`;
  if (!consent) throw new GavelError('UNSAFE', `--fresh would ${plan}`, { hint: 'add --yes to do that' });
  world.stderr.write(`${plan}\n`);
  await refuseIfOwned(path);
  await rm(path, { recursive: true });
}

/** A damaged log is no reason to keep it. */
async function refuseIfOwned(path: string): Promise<void> {
  try {
    const broker = await openEmbeddedBroker({
      directory: path,
      owner: { command: 'gavel dev --fresh', pid: process.pid },
    });
    await broker.close();
  } catch (error) {
    if (!isGavelError(error, 'LOG_CORRUPT')) throw error;
  }
}
