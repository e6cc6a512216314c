import { cp, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { crc32c } from '@node-rs/crc32';
import fc from 'fast-check';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { levelState } from '../../../stores/level.ts';
import { findDamage } from '../../../stores/level-damage.ts';
import { isGavelError } from '../../../streams/errors.ts';
import type { StateBackend } from '../../../streams/state.ts';

let directory: string;
beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'gavel-damage-'));
});
afterEach(() => rm(directory, { recursive: true }));

describe('the write-ahead log of a real store', () => {
  const BATCHES = 12;
  const COUNT = Buffer.from('count');
  let backend: StateBackend;
  let log: Buffer;
  let logPath: string;

  /** Batch n says `count = n` and has a row of its own, of a size that makes it span blocks now and then. */
  beforeEach(async () => {
    backend = levelState({ directory });
    const storage = await backend.open('sound');
    for (let n = 1; n <= BATCHES; n += 1) {
      const batch = storage.batch();
      batch.put(COUNT, Buffer.from([n]));
      batch.put(Buffer.from([n]), Buffer.alloc(n % 4 === 0 ? 40_000 : 3_000, n));
      await batch.write();
    }
    await storage.close();
    logPath = (await readdir(join(directory, 'sound'))).find((name) => name.endsWith('.log')) as string;
    log = await readFile(join(directory, 'sound', logPath));
  });

  /** How many batches are found with this log; the store is checked to hold those and nothing else. */
  async function batchesWith(damaged: Buffer): Promise<number | 'STATE_CORRUPT'> {
    await backend.destroy('damaged');
    await cp(join(directory, 'sound'), join(directory, 'damaged'), { recursive: true });
    await writeFile(join(directory, 'damaged', logPath), damaged);
    const storage = await backend.open('damaged').catch((error: unknown) => {
      if (isGavelError(error, 'STATE_CORRUPT')) return undefined;
      throw error;
    });
    if (storage === undefined) return 'STATE_CORRUPT';
    const count = storage.get(COUNT)?.[0] ?? 0;
    const rows = Array.from({ length: BATCHES }, (_, i) => storage.get(Buffer.from([i + 1]))?.length ?? 0);
    await storage.close();
    expect(rows).toEqual(
      Array.from({ length: BATCHES }, (_, i) => (i >= count ? 0 : (i + 1) % 4 === 0 ? 40_000 : 3_000)),
    );
    return count;
  }

  test('undamaged, all batches are there', async () => {
    expect(log.length).toBeGreaterThan(4 * 32 * 1024);
    expect(await batchesWith(log)).toBe(BATCHES);
  });

  test('cut off anywhere, the batches before the cut are there', async () => {
    await fc.assert(
      fc.asyncProperty(fc.nat({ max: log.length }), async (length) => {
        expect(await batchesWith(log.subarray(0, length))).toBeTypeOf('number');
      }),
      { numRuns: 25, examples: [[0], [log.length - 1]] },
    );
  });

  test.each([
    ['garbled', (bytes: Buffer) => bytes.map((byte) => byte ^ 0x55)],
    ['zero, as after a power cut', (bytes: Buffer) => bytes.fill(0)],
  ])('with bytes in the middle %s, it is refused or has the batches before them', async (_, damage) => {
    const outcomes = new Set<string>();
    await fc.assert(
      fc.asyncProperty(fc.nat({ max: log.length - 1 }), fc.constantFrom(1, 4096, 70_000), async (at, length) => {
        const damaged = Buffer.from(log);
        damaged.set(damage(Buffer.from(damaged.subarray(at, at + length))), at);
        outcomes.add(typeof (await batchesWith(damaged)));
      }),
      {
        numRuns: 40,
        examples: [
          [5_000, 1],
          [log.length - 10, 4096],
        ],
      },
    );
    expect([...outcomes].sort()).toEqual(['number', 'string']);
  });

  test('a refused store stays refused, and is whole again after destroy', async () => {
    const damaged = Buffer.from(log).fill(0, 5_000, 6_000);
    expect(await batchesWith(damaged)).toBe('STATE_CORRUPT');
    await expect(backend.open('damaged')).rejects.toMatchObject({ code: 'STATE_CORRUPT', retry: 'restart-task' });
    await backend.destroy('damaged');
    const storage = await backend.open('damaged');
    expect(storage.get(COUNT)).toBeUndefined();
    await storage.close();
  });
});

describe('logs one after another', () => {
  const older = [batch(1, 3), batch(4, 2), batch(6, 1)];
  const newer = [batch(7, 5), batch(12, 1)];

  test.each<[string, (Buffer | string)[], string | undefined]>([
    ['both whole', [logOf(older), logOf(newer)], undefined],
    ['the newer without its end', [logOf(older), logOf(newer).subarray(0, -5)], undefined],
    ['the newer empty', [logOf(older), Buffer.alloc(0)], undefined],
    ['the older torn', [logOf(older).subarray(0, -5), logOf(newer)], '000005.log lacks batches before 7'],
    [
      'the older cut between two batches',
      [logOf(older.slice(0, 2)), logOf(newer)],
      '000005.log lacks batches before 7',
    ],
    ['the older empty', [Buffer.alloc(0), logOf(newer)], '000005.log lacks batches before 7'],
    ['a batch missing in one', [logOf([batch(1, 3), batch(6, 1)])], '000003.log lacks batches before 6'],
  ])('%s', async (_, logs, damage) => {
    await writeFile(join(directory, 'CURRENT'), 'MANIFEST-000002\n');
    for (const [i, log] of logs.entries()) await writeFile(join(directory, `00000${3 + 2 * i}.log`), log);
    expect(await findDamage(directory)).toBe(damage);
  });

  test('logs are taken by number, not by name', async () => {
    await writeFile(join(directory, 'CURRENT'), 'MANIFEST-000002\n');
    await writeFile(join(directory, '999999.log'), logOf(older.slice(0, 2)));
    await writeFile(join(directory, '1000001.log'), logOf(newer));
    expect(await findDamage(directory)).toBe('1000001.log lacks batches before 7');
  });

  /** A write batch as LevelDB logs it; its operations do not matter here. */
  function batch(sequence: number, count: number): Buffer {
    const bytes = Buffer.alloc(12 + 10 * count);
    bytes.writeBigUInt64LE(BigInt(sequence), 0);
    bytes.writeUInt32LE(count, 8);
    return bytes;
  }

  function logOf(batches: readonly Buffer[]): Buffer {
    return Buffer.concat(
      batches.map((data) => {
        const fragment = Buffer.concat([Buffer.alloc(7), data]);
        fragment.writeUInt16LE(data.length, 4);
        fragment.writeUInt8(1, 6);
        const checksum = crc32c(fragment.subarray(6));
        fragment.writeUInt32LE((((checksum >>> 15) | (checksum << 17)) + 0xa282ead8) >>> 0, 0);
        return fragment;
      }),
    );
  }
});

describe('a table of contents', () => {
  test('a directory that is missing, empty or has only an unfinished lock is a new store', async () => {
    expect(await findDamage(join(directory, 'missing'))).toBeUndefined();
    expect(await findDamage(directory)).toBeUndefined();
    await writeFile(join(directory, 'LOCK'), '');
    await writeFile(join(directory, 'LOG'), '');
    expect(await findDamage(directory)).toBeUndefined();
  });

  test.each(['MANIFEST-000002', '000003.log', '000005.ldb'])('%s without CURRENT is damage', async (name) => {
    await writeFile(join(directory, name), '');
    expect(await findDamage(directory)).toBe(`CURRENT is missing beside ${name}`);
  });
});
