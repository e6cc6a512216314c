import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { ClassicLevel } from 'classic-level';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
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

describe('writes of LevelDB’s', () => {
  /** What LevelDB's batches are made of, to put faults into. */
  async function batchPrototype(): Promise<{ write(): Promise<void> }> {
    const database = new ClassicLevel(join(directory, 'another'));
    await database.open();
    const prototype = Object.getPrototypeOf(database.batch()) as { write(): Promise<void> };
    await database.close();
    return prototype;
  }
  afterEach(() => vi.restoreAllMocks());

  test('do not overtake one another', async () => {
    const storage = await levelState({ directory }).open('judge-0');
    const prototype = await batchPrototype();
    const write: () => Promise<void> = Reflect.get(prototype, 'write');
    const order: string[] = [];
    let release = (): void => undefined;
    const held = new Promise<void>((resolve) => (release = resolve));
    const spy = vi.spyOn(prototype, 'write').mockImplementation(async function (this: unknown) {
      if (order.push('begun') === 1) await held;
      await write.call(this);
      order.push('done');
    });
    const writes = ['1', '2'].map((value) => {
      const batch = storage.batch();
      batch.put(Buffer.from('key'), Buffer.from(value));
      return batch.write();
    });
    await vi.waitFor(() => expect(spy).toHaveBeenCalled());
    release();
    await Promise.all(writes);
    expect(order).toEqual(['begun', 'done', 'begun', 'done']);
    expect(storage.get(Buffer.from('key'))?.toString()).toBe('2');
    await storage.close();
  });

  test('after one that failed are refused, waiting ones too, until the store is opened again', async () => {
    const backend = levelState({ directory });
    const storage = await backend.open('judge-0');
    const full = Object.assign(new Error('IO error: 000003.log: No space left on device'), { code: 'LEVEL_IO_ERROR' });
    vi.spyOn(await batchPrototype(), 'write').mockRejectedValueOnce(full);
    const write = (to: typeof storage, key: string): Promise<void> => {
      const batch = to.batch();
      batch.put(Buffer.from(key), Buffer.from(key));
      return batch.write();
    };
    const outcomes = await Promise.allSettled([write(storage, 'a'), write(storage, 'b')]);
    await expect(write(storage, 'c')).rejects.toMatchObject({ code: 'STORAGE_FULL' });
    expect(outcomes).toMatchObject([{ reason: { code: 'STORAGE_FULL' } }, { reason: { code: 'STORAGE_FULL' } }]);
    await storage.close();
    const again = await backend.open('judge-0');
    await write(again, 'd');
    expect(['a', 'b', 'c', 'd'].filter((key) => again.get(Buffer.from(key)))).toEqual(['d']);
    await again.close();
  });
});
