/** The two databases of the embedded broker, opened by its one owner. LevelDB's lock decides, `owner.json` names it. */

import { mkdir, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { ClassicLevel } from 'classic-level';
import { GavelError } from '../../streams/errors.ts';
import { refuseMissingFiles } from './missing-files.ts';

export type Level = ClassicLevel<Buffer, Buffer>;

/** What the owner says of itself. */
export interface Owner {
  /** e.g. `gavel dev`. */
  readonly command: string;
  readonly pid: number;
}

interface OwnerFile extends Owner {
  /** ISO 8601. */
  readonly since: string;
}

export interface Databases {
  readonly log: Level;
  readonly index: Level;
  /** Closes both and gives the directory free. */
  release(): Promise<void>;
}

/** Batches are large, read once or twice, and gain little from Snappy for what it costs. */
const LOG_OPTIONS = {
  keyEncoding: 'buffer',
  valueEncoding: 'buffer',
  compression: false,
  writeBufferSize: 8_388_608,
  maxFileSize: 8_388_608,
  cacheSize: 1_048_576,
} as const;

const INDEX_OPTIONS = {
  keyEncoding: 'buffer',
  valueEncoding: 'buffer',
  writeBufferSize: 2_097_152,
  cacheSize: 4_194_304,
} as const;

/**
 * Opens both in `directory`. A file that a killed owner left behind is no obstacle.
 * @throws GavelError `DIRECTORY_OWNED` naming the owner, `LOG_CORRUPT`, `STORAGE_FULL`
 */
export async function openDatabases(directory: string, owner: Owner, now: number): Promise<Databases> {
  await mkdir(directory, { recursive: true });
  await refuseMissingFiles(directory);
  const ownerFile = join(directory, 'owner.json');
  const log = new ClassicLevel<Buffer, Buffer>(join(directory, 'log'), LOG_OPTIONS);
  const index = new ClassicLevel<Buffer, Buffer>(join(directory, 'index'), INDEX_OPTIONS);
  const release = async (): Promise<void> => {
    await index.close();
    await rm(ownerFile, { force: true });
    await log.close(); // last, for its lock is the one on the directory
  };
  try {
    await log.open();
  } catch (error) {
    throw await openFailure(error, directory, ownerFile);
  }
  try {
    await index.open();
    const content: OwnerFile = { ...owner, since: new Date(now).toISOString() };
    await writeFile(`${ownerFile}.new`, JSON.stringify(content));
    await rename(`${ownerFile}.new`, ownerFile);
  } catch (error) {
    await release();
    throw await openFailure(error, directory, ownerFile);
  }
  return { log, index, release };
}

async function openFailure(error: unknown, directory: string, ownerFile: string): Promise<GavelError> {
  const cause = error instanceof Error ? (error.cause as (Error & { code?: string }) | undefined) : undefined;
  if (cause?.code === 'LEVEL_LOCKED') {
    return new GavelError('DIRECTORY_OWNED', `${directory} is in use by ${await describeOwner(ownerFile)}`, {
      cause: error,
      hint: 'Stop it, or use another directory.',
    });
  }
  const text = cause?.message ?? String(error);
  if (isDiskFull(text)) {
    return new GavelError('STORAGE_FULL', `the log in ${directory} cannot be opened, its disk is full: ${text}`, {
      cause: error,
      hint: 'Make room, then start again.',
    });
  }
  return new GavelError('LOG_CORRUPT', `the log in ${directory} cannot be opened: ${text}`, {
    cause: error,
    hint: 'Restore the directory from a backup.',
  });
}

/** Whether an error of LevelDB or the system says that there is no room. */
export function isDiskFull(text: string): boolean {
  return /no space left|file too large|quota exceeded|ENOSPC|EDQUOT/i.test(text);
}

async function describeOwner(ownerFile: string): Promise<string> {
  try {
    const { command, pid, since } = JSON.parse(await readFile(ownerFile, 'utf8')) as OwnerFile;
    return `\`${command}\`, process ${pid}, since ${since}`;
  } catch {
    return 'another process that is just starting or stopping';
  }
}
