import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { afterEach, beforeEach, expect, test } from 'vitest';

import { sizeOf } from '../../../bin/data-directory.ts';
import { publishEndpoint, readEndpoint, socketPath } from '../../../bin/endpoint.ts';

let directory: string;
beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'gavel-test-'));
});
afterEach(() => rm(directory, { recursive: true }));

test('the size is that of all files below', async () => {
  await mkdir(join(directory, 'a', 'b'), { recursive: true });
  await writeFile(join(directory, 'x'), Buffer.alloc(100));
  await writeFile(join(directory, 'a', 'b', 'y'), Buffer.alloc(23));
  expect(await sizeOf(directory)).toBe(123);
  expect(await sizeOf(join(directory, 'missing'))).toBe(0);
});

test('an endpoint can be read while it is published', async () => {
  const path = join(directory, 'endpoint.json');
  const endpoint = { socket: '/s', registryUrl: 'http://r', address: 'http://m', pid: 7 };
  expect(await readEndpoint(path)).toBeUndefined();
  {
    await using _ = await publishEndpoint(path, endpoint);
    expect(await readEndpoint(path)).toEqual(endpoint);
  }
  expect(await readEndpoint(path)).toBeUndefined();
});

test('an endpoint that is none is an error', async () => {
  const path = join(directory, 'endpoint.json');
  await writeFile(path, 'null');
  await expect(readEndpoint(path)).rejects.toMatchObject({ code: 'INPUT_INVALID' });
});

test('the socket lies beside the data unless the path is too long for one', () => {
  expect(socketPath('/data')).toBe('/data/gavel.sock');
  const long = `/${'x'.repeat(120)}`;
  expect(socketPath(long).length).toBeLessThan(100);
  expect(socketPath(long)).not.toBe(socketPath(`${long}y`));
});
