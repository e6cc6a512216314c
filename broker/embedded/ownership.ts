/** Who has a broker's directory: LevelDB's lock decides, `owner.json` beside it names the owner. */

import { mkdir, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { ClassicLevel } from 'classic-level';
import { GavelError } from '../../streams/errors.ts';

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

export interface OwnedLevel {
  readonly db: ClassicLevel<Buffer, Buffer>;
  /** Closes the database and gives the directory free. */
  release(): Promise<void>;
}

/**
 * Opens the database in `directory` as its one owner. A file that a killed owner left behind is no obstacle.
 * @throws GavelError `DIRECTORY_OWNED` naming the owner, `LOG_CORRUPT`, `STORAGE_FULL`
 */
export async function ownDirectory(directory: string, owner: Owner, now: number): Promise<OwnedLevel> {
  await mkdir(directory, { recursive: true });
  const ownerFile = join(directory, 'owner.json');
  const db = new ClassicLevel<Buffer, Buffer>(join(directory, 'log'), LEVEL_OPTIONS);
  try {
    await db.open();
  } catch (error) {
    throw await openFailure(error, directory, ownerFile);
  }
  const content: OwnerFile = { ...owner, since: new Date(now).toISOString() };
  await writeFile(`${ownerFile}.new`, JSON.stringify(content));
  await rename(`${ownerFile}.new`, ownerFile);
  return {
    db,
    async release() {
      await rm(ownerFile, { force: true });
      await db.close();
    },
  };
}

/** Batches are read by key or in long runs, and Avro gains little from Snappy for what it costs. */
const LEVEL_OPTIONS = {
  keyEncoding: 'buffer',
  valueEncoding: 'buffer',
  compression: false,
  writeBufferSize: 16_777_216,
  maxFileSize: 16_777_216,
  cacheSize: 4_194_304,
} as const;

async function openFailure(error: unknown, directory: string, ownerFile: string): Promise<GavelError> {
  const cause = error instanceof Error ? (error.cause as (Error & { code?: string }) | undefined) : undefined;
  if (cause?.code === 'LEVEL_LOCKED') {
    return new GavelError('DIRECTORY_OWNED', `${directory} is in use by ${await describeOwner(ownerFile)}`, {
      cause: error,
      hint: 'Stop it, or use another directory.',
    });
  }
  const text = cause?.message ?? String(error);
  if (/no space left/i.test(text)) {
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

async function describeOwner(ownerFile: string): Promise<string> {
  try {
    const { command, pid, since } = JSON.parse(await readFile(ownerFile, 'utf8')) as OwnerFile;
    return `\`${command}\`, process ${pid}, since ${since}`;
  } catch {
    return 'another process that is just starting';
  }
}
