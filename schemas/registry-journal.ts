/**
 * The changes of a schema registry in one file of JSON lines, `schemas.jsonl`: a change is a line, written at once and
 * synced before it counts. A last line without its line feed was cut off by a crash before anyone got an answer; it is dropped.
 */

import type { FileHandle } from 'node:fs/promises';
import { mkdir, open } from 'node:fs/promises';
import { join } from 'node:path';

import { GavelError, toGavelError } from 'gavel/streams';

import type { RegistryEvent } from './registry-catalog.ts';

export interface RegistryJournal {
  /** What was kept so far, oldest first. */
  readonly events: readonly RegistryEvent[];
  /** Durable when it returns; on failure nothing is kept. @throws GavelError `STORAGE_FULL` */
  append(event: RegistryEvent): Promise<void>;
  close(): Promise<void>;
}

/** Opens the journal in `directory`, making both if need be. @throws GavelError `LOG_CORRUPT` */
export async function openJournal(directory: string): Promise<RegistryJournal> {
  await mkdir(directory, { recursive: true });
  const path = join(directory, 'schemas.jsonl');
  const file = await open(path, 'a+');
  try {
    const text = await file.readFile('utf8');
    const complete = text.slice(0, text.lastIndexOf('\n') + 1);
    let size = Buffer.byteLength(complete);
    if (complete !== text) await file.truncate(size);
    await syncDirectory(directory);
    return {
      events: complete
        .split('\n')
        .slice(0, -1)
        .map((line, index) => parseLine(line, `${path}:${index + 1}`)),
      async append(event) {
        size = await appendLine(file, `${JSON.stringify(event)}\n`, size);
      },
      close: () => file.close(),
    };
  } catch (error) {
    await file.close();
    throw error;
  }
}

/** A journal that lasts as long as the process. */
export function memoryJournal(): RegistryJournal {
  return { events: [], append: async () => {}, close: async () => {} };
}

function parseLine(line: string, place: string): RegistryEvent {
  try {
    return JSON.parse(line) as RegistryEvent;
  } catch (error) {
    throw new GavelError('LOG_CORRUPT', `${place} is not a line of the schema registry`, {
      cause: error,
      hint: 'Repair or remove that line; the ids of all others stay as they are written.',
    });
  }
}

/** Answers the file's new size. */
async function appendLine(file: FileHandle, line: string, size: number): Promise<number> {
  try {
    await file.appendFile(line);
    await file.datasync();
    return size + Buffer.byteLength(line);
  } catch (error) {
    await file.truncate(size);
    throw toGavelError(error, 'STORAGE_FULL', 'the schema registry cannot keep a change');
  }
}

/** Makes the file's own entry durable; Windows has no such call. */
async function syncDirectory(directory: string): Promise<void> {
  if (process.platform === 'win32') return;
  const handle = await open(directory, 'r');
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
}
