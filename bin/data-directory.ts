/** What lies where in a data directory, and how large it is. */

import { readdir, stat } from 'node:fs/promises';
import { join } from 'node:path';

export interface DataDirectory {
  readonly path: string;
  /** Schemas of the registry. */
  readonly schemas: string;
  /** State of the engine, one folder per application. */
  readonly state: (applicationId: string) => string;
  /** How often the simulator ran here. */
  readonly market: string;
  /** What the loader noted of its files. */
  readonly journal: string;
  /** Where the owner answers others. */
  readonly endpoint: string;
}

/** The log itself, `owner.json` and what else the broker needs lie in the directory, too. */
export function dataDirectory(path: string): DataDirectory {
  return {
    path,
    schemas: join(path, 'schemas'),
    state: (applicationId) => join(path, 'state', applicationId),
    market: join(path, 'market.json'),
    journal: join(path, 'ingest.json'),
    endpoint: join(path, 'endpoint.json'),
  };
}

/** Bytes of all files below a folder; files that go while it looks count as nothing, as does a missing folder. */
export async function sizeOf(path: string): Promise<number> {
  const entries = await unlessMissing(readdir(path, { withFileTypes: true }));
  const sizes = (entries ?? []).map(async (entry) => {
    const child = join(path, entry.name);
    return entry.isDirectory() ? sizeOf(child) : ((await unlessMissing(stat(child)))?.size ?? 0);
  });
  return (await Promise.all(sizes)).reduce((sum, size) => sum + size, 0);
}

async function unlessMissing<T>(asked: Promise<T>): Promise<T | undefined> {
  try {
    return await asked;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw error;
  }
}
