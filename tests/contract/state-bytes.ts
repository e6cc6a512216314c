/** Reading and writing a task's bytes in tests. */
import { expect } from 'vitest';
import type { KeyRange, StorageIterator, TaskStorage } from '../../streams/state.ts';

/** Every key of up to 64 bytes. */
export const ALL: KeyRange = { gte: Buffer.alloc(0), lt: Buffer.alloc(64, 0xff) };

type Row = readonly [key: Buffer | string, value: Buffer | string];

export async function write(storage: TaskStorage, rows: readonly Row[]): Promise<void> {
  const batch = storage.batch();
  for (const [key, value] of rows) batch.put(bytes(key), bytes(value));
  await batch.write();
}

export async function scan(storage: TaskStorage, keys: KeyRange, limit = 100): Promise<[Buffer, Buffer][]> {
  return drain(storage.iterate(keys), limit);
}

export async function drain(iterator: StorageIterator, limit = 100): Promise<[Buffer, Buffer][]> {
  const rows: [Buffer, Buffer][] = [];
  try {
    for (;;) {
      const some = await iterator.next(limit);
      if (some.length === 0) return rows;
      for (const [key, value] of some) rows.push([key, value]);
    }
  } finally {
    await iterator.close();
  }
}

export async function texts(storage: TaskStorage, keys: KeyRange): Promise<string[]> {
  return (await scan(storage, keys)).map(text);
}

export function text([key, value]: readonly [Buffer, Buffer]): string {
  return `${key.toString()}=${value.toString()}`;
}

export function bytes(content: Buffer | string): Buffer {
  return Buffer.from(content);
}

export function range(gte: string, lt: string): KeyRange {
  return { gte: bytes(gte), lt: bytes(lt) };
}

export function withCode(code: string): unknown {
  return expect.objectContaining({ name: 'GavelError', code });
}
