/** What the state port says of iterators. */
import { expect, test } from 'vitest';
import type { TaskStorage } from '../../streams/state.ts';
import { ALL, bytes, drain, range, scan, text, texts, withCode, write } from './state-bytes.ts';

export function iteratorContract(open: () => Promise<TaskStorage>): void {
  const rows = Array.from({ length: 9 }, (_, i) => [`k${i}`, String(i)] as const);

  test('entries come in the order of unsigned bytes', async () => {
    const storage = await open();
    const keys = [[0xff], [0x80], [0x7f], [0], [0, 0], [0x80, 0], [0x7f, 0xff], [0xc3, 0xa9], []].map((k) =>
      Buffer.from(k),
    );
    await write(
      storage,
      keys.map((key) => [key, key]),
    );
    const found = (await scan(storage, ALL)).map(([key]) => key);
    expect(found).toEqual([...keys].sort((a, b) => Buffer.compare(a, b)));
    await storage.close();
  });

  test('gte is inclusive, lt exclusive, reverse begins at the end', async () => {
    const storage = await open();
    await write(storage, rows);
    expect(await texts(storage, range('k2', 'k5'))).toEqual(['k2=2', 'k3=3', 'k4=4']);
    expect(await texts(storage, { ...range('k2', 'k5'), reverse: true })).toEqual(['k4=4', 'k3=3', 'k2=2']);
    expect(await texts(storage, { ...range('k', 'k44'), reverse: true })).toEqual([
      'k4=4',
      'k3=3',
      'k2=2',
      'k1=1',
      'k0=0',
    ]);
    expect(await texts(storage, { ...range('k7', 'z'), reverse: true })).toEqual(['k8=8', 'k7=7']);
    await storage.close();
  });

  test('an empty or upside-down range has no entries, either way round', async () => {
    const storage = await open();
    await write(storage, rows);
    for (const reverse of [false, true]) {
      expect(await texts(storage, { ...range('k3', 'k3'), reverse })).toEqual([]);
      expect(await texts(storage, { ...range('k5', 'k2'), reverse })).toEqual([]);
      expect(await texts(storage, { ...range('x', 'z'), reverse })).toEqual([]);
      expect(await texts(storage, { ...range('a', 'b'), reverse })).toEqual([]);
    }
    await storage.close();
  });

  test('next gives at most the limit, goes on where it was, and stays empty at the end', async () => {
    const storage = await open();
    await write(storage, rows);
    const iterator = storage.iterate(ALL);
    const sizes: number[] = [];
    for (let i = 0; i < 6; i += 1) sizes.push((await iterator.next(4)).length);
    expect(sizes.every((size) => size <= 4)).toBe(true);
    expect(sizes.reduce((sum, size) => sum + size, 0)).toBe(9);
    expect(sizes.at(-1)).toBe(0);
    await iterator.close();
    await storage.close();
  });

  test('a limit beyond all bounds is harmless', async () => {
    const storage = await open();
    await write(storage, rows);
    const iterator = storage.iterate(ALL);
    expect(await iterator.next(Number.MAX_SAFE_INTEGER)).toHaveLength(9);
    await iterator.close();
    await storage.close();
  });

  test('an iterator is pinned when made: later puts, overwrites and deletes are not seen', async () => {
    const storage = await open();
    await write(storage, rows);
    const before = storage.iterate(ALL);
    const halfway = storage.iterate({ ...ALL, reverse: true });
    const first = await halfway.next(2);
    const batch = storage.batch();
    for (const [key] of rows) batch.put(bytes(key), bytes('changed'));
    batch.delete(bytes('k4'));
    batch.put(bytes('k1a'), bytes('new'));
    await batch.write();
    await write(storage, [['k4', 'again']]);
    const expected = rows.map(([key, value]) => `${key}=${value}`);
    expect((await drain(before)).map(text)).toEqual(expected);
    expect([...first, ...(await drain(halfway))].map(text)).toEqual([...expected].reverse());
    expect(await texts(storage, range('k1', 'k5'))).toEqual([
      'k1=changed',
      'k1a=new',
      'k2=changed',
      'k3=changed',
      'k4=again',
    ]);
    await storage.close();
  });

  test('closing twice is allowed; next after that is refused', async () => {
    const storage = await open();
    await write(storage, rows);
    const iterator = storage.iterate(ALL);
    await iterator.close();
    await iterator.close();
    await expect(iterator.next(1)).rejects.toThrow(withCode('ILLEGAL_STATE'));
    await storage.close();
  });

  test('many entries come in several answers, each once', async () => {
    const storage = await open();
    const many = Array.from({ length: 12_000 }, (_, i) => [String(i).padStart(6, '0'), 'v'.repeat(i % 90)] as const);
    await write(storage, many);
    expect((await scan(storage, ALL, 5_000)).map(text)).toEqual(many.map(([key, value]) => `${key}=${value}`));
    await storage.close();
  });
}
