import { spawn } from 'node:child_process';
import type { ChildProcessWithoutNullStreams } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, readdir, readFile, rm, truncate, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { levelState } from '../../../stores/level.ts';
import type { StateBackend, TaskStorage } from '../../../streams/state.ts';
import { COUNT, ROW_BYTES, ROWS, row } from './level-rows.ts';

let directory: string;
let backend: StateBackend;
beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'gavel-faults-'));
  backend = levelState({ directory });
});
afterEach(() => rm(directory, { recursive: true }));

describe('damaged files', () => {
  const KEYS = Array.from({ length: 3_000 }, (_, i) => Buffer.from(`key-${i}`));
  const store = (name = ''): string => join(directory, 'judge-0', name);

  /** A store of several table files, closed. */
  beforeEach(async () => {
    const storage = await levelState({ directory, writeBufferBytes: 64 * 1024 }).open('judge-0');
    for (let at = 0; at < KEYS.length; at += 500) {
      const batch = storage.batch();
      for (const key of KEYS.slice(at, at + 500)) batch.put(key, Buffer.concat([key, Buffer.alloc(100, key)]));
      await batch.write();
    }
    await storage.close();
    await (await backend.open('judge-0')).close();
  });

  async function files(pattern: RegExp): Promise<string[]> {
    const names = (await readdir(store())).filter((name) => pattern.test(name)).map((name) => store(name));
    expect(names.length).toBeGreaterThan(0);
    return names;
  }

  async function everyFile(pattern: RegExp, damage: (path: string) => Promise<void>): Promise<void> {
    for (const path of await files(pattern)) await damage(path);
  }

  const garbage = async (path: string): Promise<void> => {
    await writeFile(path, Buffer.alloc((await readFile(path)).length, 'garbage!'));
  };
  const emptied = (path: string): Promise<void> => truncate(path, 0);
  const halved = async (path: string): Promise<void> => truncate(path, (await readFile(path)).length >>> 1);
  const removed = (path: string): Promise<void> => rm(path);

  async function openedAgainAfterDestroy(): Promise<void> {
    await backend.destroy('judge-0');
    const storage = await backend.open('judge-0');
    expect(storage.get(KEYS[0] as Buffer)).toBeUndefined();
    await storage.close();
  }

  test.each([
    ['CURRENT', 'garbage', /^CURRENT$/, garbage],
    ['CURRENT', 'emptied', /^CURRENT$/, emptied],
    ['CURRENT', 'removed', /^CURRENT$/, removed],
    ['MANIFEST', 'garbage', /^MANIFEST/, garbage],
    ['MANIFEST', 'emptied', /^MANIFEST/, emptied],
    ['MANIFEST', 'removed', /^MANIFEST/, removed],
    ['the tables', 'removed', /\.ldb$/, removed],
  ])('%s %s: opening says STATE_CORRUPT, each time, until destroyed', async (_file, _damage, pattern, damage) => {
    await everyFile(pattern, damage);
    await expect(backend.open('judge-0')).rejects.toMatchObject({ code: 'STATE_CORRUPT', retry: 'restart-task' });
    await expect(backend.open('judge-0')).rejects.toMatchObject({ code: 'STATE_CORRUPT' });
    await openedAgainAfterDestroy();
  });

  test.each([
    ['garbage', garbage],
    ['emptied', emptied],
    ['halved', halved],
  ])('the tables %s: reading and scanning say STATE_CORRUPT', async (_damage, damage) => {
    await everyFile(/\.ldb$/, damage);
    const storage = await backend.open('judge-0');
    const corrupt = expect.objectContaining({ code: 'STATE_CORRUPT' });
    expect(() => KEYS.forEach((key) => storage.get(key))).toThrow(corrupt);
    await expect(readAll(storage)).rejects.toThrow(corrupt);
    await storage.close();
    await openedAgainAfterDestroy();
  });

  test('a damaged block in one table is found by a scan to its end', async () => {
    const [table] = await files(/\.ldb$/);
    const bytes = await readFile(table as string);
    await writeFile(table as string, bytes.fill(0xff, 0, 2_000));
    const storage = await backend.open('judge-0');
    await expect(readAll(storage)).rejects.toMatchObject({ code: 'STATE_CORRUPT' });
    await storage.close();
  });
});

describe('another process', { timeout: 60_000 }, () => {
  test('that has the store open keeps it: it can be neither opened nor destroyed', async () => {
    const writer = new Writer(directory);
    await writer.line('open');
    const refused = { code: 'STATE_LOCKED', hint: expect.stringContaining('Another process') as unknown };
    await expect(backend.open('judge-0')).rejects.toMatchObject(refused);
    await expect(backend.destroy('judge-0')).rejects.toMatchObject(refused);
    await writer.kill();
    await (await backend.open('judge-0')).close();
  });

  test('killed in the middle of a batch leaves whole batches, each up to the last', async () => {
    let written = 0;
    for (let round = 1; round <= 3; round += 1) {
      const writer = new Writer(directory);
      written = await writer.lineFrom(written + 2 + round);
      await writer.kill();
      const storage = await backend.open('judge-0');
      const count = await checkedCount(storage);
      expect(count).toBeGreaterThanOrEqual(written);
      written = count;
      await storage.close();
    }
  });

  test('out of room says STORAGE_FULL, applies nothing of that batch and refuses all later ones', async () => {
    // The limit of a file's size fails a write as a full disk does, with part of it on disk.
    const writer = new Writer(directory, 'ulimit -f 3000 && ');
    const { written, visible, failed, next } = JSON.parse(await writer.line(/^\{/)) as Record<string, unknown>;
    expect({ failed, next }).toEqual({ failed: 'STORAGE_FULL', next: 'STORAGE_FULL' });
    expect(written).toBeGreaterThan(0);
    expect(visible).toBe(written);
    await writer.ended;
    const storage = await backend.open('judge-0');
    const count = await checkedCount(storage);
    expect([written, Number(written) + 1]).toContain(count);
    await storage.close();
  });
});

/** The number of batches in a store of level-writer.ts, which must hold all of the last one and nothing else. */
async function checkedCount(storage: TaskStorage): Promise<number> {
  const count = storage.get(COUNT)?.readUInt32BE() ?? 0;
  const found = await readAll(storage);
  const expected = Array.from({ length: ROWS }, (_, i) => [row(count, i), Buffer.alloc(ROW_BYTES, count)]);
  expect(found.filter(([key]) => !key.equals(COUNT))).toEqual(expected);
  return count;
}

async function readAll(storage: TaskStorage): Promise<(readonly [Buffer, Buffer])[]> {
  const iterator = storage.iterate({ gte: Buffer.alloc(0), lt: Buffer.from([0xff]) });
  const rows: (readonly [Buffer, Buffer])[] = [];
  try {
    for (;;) {
      const some = await iterator.next(1_000);
      if (some.length === 0) return rows;
      rows.push(...some);
    }
  } finally {
    await iterator.close();
  }
}

/** level-writer.ts in a process of its own. */
class Writer {
  readonly #process: ChildProcessWithoutNullStreams;
  readonly #lines: AsyncIterator<string>;
  readonly ended: Promise<unknown>;
  #errors = '';

  constructor(directory: string, before = '') {
    const script = join(import.meta.dirname, 'level-writer.ts');
    this.#process = spawn('/bin/sh', ['-c', `${before}exec "$@"`, 'sh', process.execPath, script, directory]);
    this.#process.stderr.on('data', (text) => (this.#errors += String(text)));
    this.#lines = createInterface(this.#process.stdout)[Symbol.asyncIterator]();
    this.ended = once(this.#process, 'exit');
  }

  /** The first line that is, or matches, `wanted`. */
  async line(wanted: string | RegExp): Promise<string> {
    for (;;) {
      const { done, value } = await this.#lines.next();
      if (done === true) throw new Error(`the writer ended: ${this.#errors}`);
      if (typeof wanted === 'string' ? value === wanted : wanted.test(value)) return value;
    }
  }

  /** Waits until batch `least` is written; the number of the last one that it has said is written. */
  async lineFrom(least: number): Promise<number> {
    for (;;) {
      const written = Number(await this.line(/^\d+$/));
      if (written >= least) return written;
    }
  }

  async kill(): Promise<void> {
    this.#process.kill('SIGKILL');
    await this.ended;
  }
}
