/** The loader's journal as one JSON file of the data directory (docs/formats.md). */

import { open, readFile, rename } from 'node:fs/promises';
import { dirname } from 'node:path';
import { GavelError } from 'gavel/streams';
import type { Journal, JournalEntries } from './ports.ts';

const VERSION = 1;

/** The journal at `path`, which is created by the first save; the folder must exist. */
export function journalFile(path: string): Journal {
  return {
    async load() {
      let text: string;
      try {
        text = await readFile(path, 'utf8');
      } catch (error) {
        if ((error as NodeJS.ErrnoException).code === 'ENOENT') return null;
        throw error;
      }
      return parse(text, path);
    },
    async save(entries) {
      const file = await open(`${path}.new`, 'w');
      try {
        await file.writeFile(`${JSON.stringify({ version: VERSION, files: entries }, null, 1)}\n`);
        await file.sync();
      } finally {
        await file.close();
      }
      await rename(`${path}.new`, path);
      await syncFolder(dirname(path));
    },
  };
}

function parse(text: string, path: string): JournalEntries {
  const hint = 'remove the file: the loader then looks through the whole log for what it sent';
  try {
    const { version, files } = JSON.parse(text) as { version?: unknown; files?: JournalEntries };
    if (version === VERSION && typeof files === 'object') return files;
  } catch (error) {
    throw new GavelError('INPUT_INVALID', `${path} is not a journal`, { cause: error, hint });
  }
  throw new GavelError('INPUT_INVALID', `${path} is not a journal of version ${VERSION}`, { hint });
}

/** Makes the new name last; where a folder cannot be synced (Windows) the rename alone must do. */
async function syncFolder(path: string): Promise<void> {
  if (process.platform === 'win32') return;
  const folder = await open(path, 'r');
  try {
    await folder.sync();
  } finally {
    await folder.close();
  }
}
