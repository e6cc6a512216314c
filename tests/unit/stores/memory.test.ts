import { expect, test } from 'vitest';
import { memoryState } from '../../../stores/memory.ts';

const KEY = Buffer.from('key');

test('onWrite is told the task of each batch, and what it throws fails the write with nothing applied', async () => {
  const told: string[] = [];
  const fault = new Error('disk on fire');
  const backend = memoryState({
    onWrite: (task) => {
      told.push(task);
      if (told.length === 2) throw fault;
    },
  });
  const storage = await backend.open('judge-1');
  for (const [value, outcome] of [
    ['1', undefined],
    ['2', fault],
  ] as const) {
    const batch = storage.batch();
    batch.put(KEY, Buffer.from(value));
    const error: unknown = await batch.write().catch((thrown: unknown) => thrown);
    expect(error).toBe(outcome);
    expect(storage.get(KEY)?.toString()).toBe('1');
  }
  expect(told).toEqual(['judge-1', 'judge-1']);
});

test('two backends share nothing', async () => {
  const one = await memoryState().open('judge-0');
  const batch = one.batch();
  batch.put(KEY, KEY);
  await batch.write();
  const other = await memoryState().open('judge-0');
  expect(other.get(KEY)).toBeUndefined();
});

test('size is the bytes of keys and values, no more', async () => {
  const storage = await memoryState().open('judge-0');
  const batch = storage.batch();
  batch.put(KEY, Buffer.alloc(100));
  batch.put(KEY, Buffer.alloc(10));
  await batch.write();
  expect(await storage.size()).toBe(13);
});
