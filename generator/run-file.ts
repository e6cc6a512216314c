/** Remembers in a data directory how often the market ran there, so that no id is given twice. */

import { open, readFile, rename } from 'node:fs/promises';
import { GavelError } from 'gavel/streams';

export interface MarketRun {
  /** 1 for the first one. */
  readonly run: number;
  /** When the first one began, ms since the epoch. */
  readonly since: number;
}

/**
 * Begins the next run of the market whose count is kept at `path`. The count is on disk before this answers: a run that is
 * killed at once has had its ids, too.
 * @throws GavelError `INPUT_INVALID` where the file is not ours
 */
export async function beginRun(path: string, now: number): Promise<MarketRun> {
  const last = await readRun(path);
  const next: MarketRun = last === null ? { run: 1, since: now } : { run: last.run + 1, since: last.since };
  const file = await open(`${path}.new`, 'w');
  try {
    await file.writeFile(`${JSON.stringify(next)}\n`);
    await file.sync();
  } finally {
    await file.close();
  }
  await rename(`${path}.new`, path);
  return next;
}

async function readRun(path: string): Promise<MarketRun | null> {
  let text: string;
  try {
    text = await readFile(path, 'utf8');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return null;
    throw error;
  }
  try {
    const { run, since } = JSON.parse(text) as Partial<MarketRun>;
    if (Number.isSafeInteger(run) && Number.isSafeInteger(since)) return { run, since } as MarketRun;
  } catch (error) {
    throw notOurs(path, error);
  }
  throw notOurs(path);
}

function notOurs(path: string, cause?: unknown): GavelError {
  const hint = 'restore the file, or remove it together with the topics: a run without it would give ids twice';
  return new GavelError('INPUT_INVALID', `${path} is not the count of a market's runs`, { hint, cause });
}
