import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { levelState } from '../../../stores/level.ts';

let directory: string;
beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'gavel-level-'));
});
afterEach(() => rm(directory, { recursive: true }));

describe('options', () => {
  test.each([
    [{ writeBufferBytes: 1_000 }, 'writeBufferBytes is 1000'],
    [{ writeBufferBytes: 2 ** 31 }, 'writeBufferBytes is 2147483648'],
    [{ cacheBytes: -1 }, 'cacheBytes is -1'],
    [{ maxOpenFiles: 10.5 }, 'maxOpenFiles is 10.5'],
    [{ directory: '' }, 'directory is empty'],
    [{ writeBufferSize: 1 }, "unknown option 'writeBufferSize'"],
  ])('%j is refused', (options, message) => {
    expect(() => levelState({ directory, ...options })).toThrow(
      expect.objectContaining({ code: 'OPTION_INVALID', message: `levelState: ${message}`, hint: expect.any(String) }),
    );
  });

  test('all of them are accepted within their bounds', async () => {
    const backend = levelState({
      directory,
      writeBufferBytes: 64 * 1024,
      cacheBytes: 0,
      maxOpenFiles: 74,
      compression: false,
    });
    const storage = await backend.open('judge-0');
    const batch = storage.batch();
    for (let i = 0; i < 2_000; i += 1) batch.put(Buffer.from(`k${i}`), Buffer.alloc(100, i));
    await batch.write();
    expect(storage.get(Buffer.from('k1999'))).toEqual(Buffer.alloc(100, 1_999));
    await storage.close();
  });
});

test('nothing is made on disk before a task is opened', async () => {
  const backend = levelState({ directory: join(directory, 'state') });
  expect(await backend.list()).toEqual([]);
  await expect(backend.destroy('judge-0')).resolves.toBeUndefined();
  await expect(rm(join(directory, 'state'))).rejects.toMatchObject({ code: 'ENOENT' });
});

test('files, and directories that are no task, are not listed', async () => {
  await writeFile(join(directory, 'README'), '');
  await mkdir(join(directory, 'lost + found'));
  await mkdir(join(directory, 'judge-0'));
  expect(await levelState({ directory }).list()).toEqual(['judge-0']);
});

test('a state directory that cannot be one is a failure of the disk, not of the state', async () => {
  await writeFile(join(directory, 'file'), '');
  const backend = levelState({ directory: join(directory, 'file') });
  await expect(backend.open('judge-0')).rejects.toMatchObject({ code: 'STORAGE_FAILED' });
  await expect(backend.list()).rejects.toMatchObject({ code: 'STORAGE_FAILED' });
});
