/** What LevelDB does not say: without its file `CURRENT` it begins anew and deletes the tables that are there. */

import { readdir, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { GavelError } from '../../streams/errors.ts';

/** @throws GavelError `LOG_CORRUPT` where a part of the log is gone; call it before anything is opened */
export async function refuseMissingFiles(directory: string): Promise<void> {
  const [log, index] = await Promise.all([filesOf(join(directory, 'log')), filesOf(join(directory, 'index'))]);
  if (log.hasData && !log.hasCurrent) throw missing(directory, 'log/CURRENT');
  if (index.hasData && !index.hasCurrent) throw missing(directory, 'index/CURRENT');
  if (log.hasData && !index.hasCurrent) throw missing(directory, 'index/');
  if (index.hasData && !log.hasCurrent) throw missing(directory, 'log/');
}

interface Files {
  /** Tables, or a write-ahead log with something in it. */
  readonly hasData: boolean;
  readonly hasCurrent: boolean;
}

async function filesOf(path: string): Promise<Files> {
  let names: string[];
  try {
    names = await readdir(path);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return { hasData: false, hasCurrent: false };
    throw error;
  }
  const sizes = names
    .filter((name) => /\.(ldb|log)$/.test(name))
    .map(async (name) => (await stat(join(path, name))).size);
  return { hasData: (await Promise.all(sizes)).some((size) => size > 0), hasCurrent: names.includes('CURRENT') };
}

function missing(directory: string, what: string): GavelError {
  return new GavelError(
    'LOG_CORRUPT',
    `the log in ${directory} lacks ${what}: nothing was opened, what is there was left as it is`,
    {
      hint: 'Bring the missing files back from where they were moved to, or restore the directory from a backup.',
    },
  );
}
