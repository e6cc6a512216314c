/** Where the owner of a data directory can be reached: a small file in it, there as long as the owner serves. */

import { createHash } from 'node:crypto';
import { readFile, rename, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { GavelError } from 'gavel/streams';

export interface Endpoint {
  /** Path of the local socket (a named pipe on Windows). */
  readonly socket: string;
  readonly registryUrl: string;
  /** Of metrics and health, e.g. `http://127.0.0.1:8080`. */
  readonly address: string;
  readonly pid: number;
}

/** Removed when disposed. */
export async function publishEndpoint(path: string, endpoint: Endpoint): Promise<AsyncDisposable> {
  await writeFile(`${path}.new`, `${JSON.stringify(endpoint)}\n`);
  await rename(`${path}.new`, path);
  return { [Symbol.asyncDispose]: () => rm(path, { force: true }) };
}

/** Undefined where nobody serves. @throws GavelError `INPUT_INVALID` where the file is not ours */
export async function readEndpoint(path: string): Promise<Endpoint | undefined> {
  let text: string;
  try {
    text = await readFile(path, 'utf8');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw error;
  }
  try {
    const { socket, registryUrl, address, pid } = JSON.parse(text) as Endpoint;
    return { socket: String(socket), registryUrl: String(registryUrl), address: String(address), pid: Number(pid) };
  } catch (error) {
    throw new GavelError('INPUT_INVALID', `${path} does not tell where the owner can be reached`, {
      cause: error,
      hint: 'remove it, and start the owner again',
    });
  }
}

/** Longest path that every system takes for a socket. */
const SOCKET_PATH_MAX = 100;

/** A named pipe on Windows; beside the data where that path is short enough, else among the temporary files. */
export function socketPath(directory: string): string {
  const name = createHash('sha256').update(directory).digest('hex').slice(0, 16);
  if (process.platform === 'win32') return `\\\\.\\pipe\\gavel-${name}`;
  const beside = join(directory, 'gavel.sock');
  return Buffer.byteLength(beside) <= SOCKET_PATH_MAX ? beside : join(tmpdir(), `gavel-${name}.sock`);
}
