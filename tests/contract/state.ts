/** The contract of the state port, sentence by sentence; run on every adapter. */
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import type { StateBackend, TaskStorage } from '../../streams/state.ts';
import { ALL, bytes, scan, texts, withCode, write } from './state-bytes.ts';
import { iteratorContract } from './state-iterators.ts';
import { modelContract } from './state-model.ts';

/** A backend with nothing in it, and how to be rid of it. */
export interface StateFixture {
  readonly backend: StateBackend;
  dispose(): Promise<void>;
}

export function stateContract(name: string, makeBackend: () => Promise<StateFixture>): void {
  describe(`the state port: ${name}`, () => {
    let fixture: StateFixture;
    let backend: StateBackend;

    beforeEach(async () => {
      fixture = await makeBackend();
      backend = fixture.backend;
    });
    afterEach(() => fixture.dispose());

    const context: ContractContext = {
      backend: () => backend,
      open: (task = 'judge-0') => backend.open(task),
    };
    describe('bytes', () => {
      bytesContract(context);
    });
    describe('batches', () => {
      batchContract(context);
    });
    describe('iterators', () => {
      iteratorContract(context.open);
    });
    describe('closing', () => {
      closeContract(context);
    });
    describe('tasks', () => {
      taskContract(context);
    });
    describe('as a map', () => {
      modelContract(context.open);
    });
  });
}

interface ContractContext {
  readonly backend: () => StateBackend;
  readonly open: (task?: string) => Promise<TaskStorage>;
}

function bytesContract({ open }: ContractContext): void {
  test('a missing key reads as undefined', async () => {
    const storage = await open();
    expect(storage.get(bytes('nothing'))).toBeUndefined();
    await storage.close();
  });

  test('any bytes are a key or a value, empty ones too', async () => {
    const storage = await open();
    const rows: [Buffer, Buffer][] = [
      [Buffer.alloc(0), bytes('at the empty key')],
      [Buffer.from([0]), Buffer.alloc(0)],
      [Buffer.from([0, 0xff, 0xc3, 0x28, 0x80]), Buffer.from([0xff, 0, 0xfe])],
      [Buffer.alloc(3000, 7), Buffer.alloc(100_000, 9)],
    ];
    await write(storage, rows);
    for (const [key, value] of rows) expect(storage.get(key)).toEqual(value);
    expect(await scan(storage, ALL)).toEqual([...rows].sort((a, b) => Buffer.compare(a[0], b[0])));
    await storage.close();
  });

  test('get keeps no reference to its key', async () => {
    const storage = await open();
    await write(storage, [
      ['a', '1'],
      ['b', '2'],
    ]);
    const key = bytes('a');
    expect(storage.get(key)).toEqual(bytes('1'));
    key.write('b');
    expect(storage.get(key)).toEqual(bytes('2'));
    await storage.close();
  });

  test('size grows with what is stored', async () => {
    const storage = await open();
    const empty = await storage.size();
    await write(storage, [['a', 'x'.repeat(50_000)]]);
    expect(await storage.size()).toBeGreaterThanOrEqual(empty + 50_000);
    await storage.close();
  });
}

function batchContract({ open }: ContractContext): void {
  test('nothing is visible before write, all of it after', async () => {
    const storage = await open();
    await write(storage, [['old', '1']]);
    const batch = storage.batch();
    batch.put(bytes('a'), bytes('1'));
    batch.put(bytes('b'), bytes('2'));
    batch.delete(bytes('old'));
    expect(batch.size).toBe(3);
    expect(storage.get(bytes('a'))).toBeUndefined();
    expect(storage.get(bytes('old'))).toEqual(bytes('1'));
    await batch.write();
    expect(await texts(storage, ALL)).toEqual(['a=1', 'b=2']);
    await storage.close();
  });

  test('within a batch the last operation on a key counts', async () => {
    const storage = await open();
    const batch = storage.batch();
    batch.put(bytes('a'), bytes('1'));
    batch.delete(bytes('a'));
    batch.delete(bytes('b'));
    batch.put(bytes('b'), bytes('2'));
    batch.put(bytes('b'), bytes('3'));
    await batch.write();
    expect(await texts(storage, ALL)).toEqual(['b=3']);
    await storage.close();
  });

  test('the buffers handed to put may be used again at once', async () => {
    const storage = await open();
    const key = bytes('a');
    const value = bytes('1');
    const batch = storage.batch();
    batch.put(key, value);
    key.write('b');
    value.write('2');
    batch.put(key, value);
    key.fill(0);
    value.fill(0);
    await batch.write();
    expect(await texts(storage, ALL)).toEqual(['a=1', 'b=2']);
    await storage.close();
  });

  test('an empty batch writes nothing, and a missing key may be deleted', async () => {
    const storage = await open();
    await storage.batch().write();
    const batch = storage.batch();
    batch.delete(bytes('never there'));
    await batch.write();
    expect(await texts(storage, ALL)).toEqual([]);
    await storage.close();
  });

  test('a discarded batch leaves no trace; discarding again, or after writing, is allowed', async () => {
    const storage = await open();
    const dropped = storage.batch();
    dropped.put(bytes('a'), bytes('1'));
    await dropped.discard();
    await dropped.discard();
    const written = storage.batch();
    written.put(bytes('b'), bytes('2'));
    await written.write();
    await written.discard();
    expect(await texts(storage, ALL)).toEqual(['b=2']);
    await storage.close();
  });

  test('a batch is used up by write and by discard', async () => {
    const storage = await open();
    const written = storage.batch();
    written.put(bytes('a'), bytes('1'));
    const writing = written.write();
    expect(() => written.put(bytes('a'), bytes('2'))).toThrow(withCode('ILLEGAL_STATE'));
    expect(() => written.delete(bytes('a'))).toThrow(withCode('ILLEGAL_STATE'));
    await expect(written.write()).rejects.toThrow(withCode('ILLEGAL_STATE'));
    await writing;
    const dropped = storage.batch();
    await dropped.discard();
    expect(() => dropped.put(bytes('a'), bytes('3'))).toThrow(withCode('ILLEGAL_STATE'));
    await expect(dropped.write()).rejects.toThrow(withCode('ILLEGAL_STATE'));
    expect(storage.get(bytes('a'))).toEqual(bytes('1'));
    await storage.close();
  });

  test('batches written without waiting apply in the order of the calls', async () => {
    const storage = await open();
    const writes = Array.from({ length: 40 }, (_, i) => {
      const batch = storage.batch();
      batch.put(bytes('last'), bytes(String(i)));
      batch.put(bytes(`row-${String(i).padStart(2, '0')}`), Buffer.alloc(i % 3 === 0 ? 200_000 : 10, 1));
      return batch.write();
    });
    await Promise.all(writes);
    expect(storage.get(bytes('last'))).toEqual(bytes('39'));
    expect(await scan(storage, ALL)).toHaveLength(41);
    await storage.close();
  });
}

function closeContract({ open }: ContractContext): void {
  test('what was written is there after opening again', async () => {
    const first = await open();
    await write(first, [
      ['a', '1'],
      ['b', '2'],
    ]);
    await first.close();
    const again = await open();
    expect(await texts(again, ALL)).toEqual(['a=1', 'b=2']);
    await again.close();
  });

  test('close waits for batches under way', async () => {
    const storage = await open();
    const writes = Array.from({ length: 20 }, (_, i) => {
      const batch = storage.batch();
      batch.put(bytes(`k${i}`), Buffer.alloc(50_000, i));
      return batch.write();
    });
    await storage.close();
    await Promise.all(writes);
    const again = await open();
    expect(await scan(again, ALL)).toHaveLength(20);
    await again.close();
  });

  test('close drops batches that were not written', async () => {
    const storage = await open();
    const batch = storage.batch();
    batch.put(bytes('a'), bytes('1'));
    await storage.close();
    await expect(batch.write()).rejects.toThrow(withCode('ILLEGAL_STATE'));
    const again = await open();
    expect(await texts(again, ALL)).toEqual([]);
    await again.close();
  });

  test('close closes iterators that are open or being read', async () => {
    const storage = await open();
    await write(
      storage,
      Array.from({ length: 3_000 }, (_, i) => [`k${i}`, 'v'.repeat(100)] as const),
    );
    const idle = storage.iterate(ALL);
    const busy = storage.iterate(ALL);
    const reading = busy.next(1_000);
    await storage.close();
    expect((await reading).length).toBeGreaterThan(0);
    await expect(idle.next(1)).rejects.toThrow(withCode('ILLEGAL_STATE'));
    await expect(busy.next(1)).rejects.toThrow(withCode('ILLEGAL_STATE'));
    await idle.close();
    await busy.close();
  });

  test('closing twice, also at the same time, is allowed', async () => {
    const storage = await open();
    await Promise.all([storage.close(), storage.close()]);
    await storage.close();
    const again = await open();
    expect(await texts(again, ALL)).toEqual([]);
    await again.close();
  });

  test('a closed store refuses everything', async () => {
    const storage = await open();
    await storage.close();
    expect(() => storage.get(bytes('a'))).toThrow(withCode('ILLEGAL_STATE'));
    expect(() => storage.iterate(ALL)).toThrow(withCode('ILLEGAL_STATE'));
    expect(() => storage.batch()).toThrow(withCode('ILLEGAL_STATE'));
    await expect(storage.size()).rejects.toThrow(withCode('ILLEGAL_STATE'));
  });
}

function taskContract({ backend, open }: ContractContext): void {
  test('tasks are listed by name, sorted, open or closed, until destroyed', async () => {
    expect(await backend().list()).toEqual([]);
    const opened = await open('judge-2');
    await (await open('judge-10')).close();
    await (await open('a.b_C-1')).close();
    expect(await backend().list()).toEqual(['a.b_C-1', 'judge-10', 'judge-2']);
    await backend().destroy('judge-10');
    expect(await backend().list()).toEqual(['a.b_C-1', 'judge-2']);
    await opened.close();
  });

  test('tasks do not see one another', async () => {
    const [one, two] = await Promise.all([open('judge-1'), open('judge-2')]);
    await write(one, [['a', '1']]);
    expect(two.get(bytes('a'))).toBeUndefined();
    await Promise.all([one.close(), two.close()]);
  });

  test('a destroyed task opens empty; destroying a missing one is allowed', async () => {
    const storage = await open();
    await write(storage, [['a', '1']]);
    await storage.close();
    await backend().destroy('judge-0');
    await backend().destroy('judge-0');
    await backend().destroy('never-there');
    const again = await open();
    expect(await texts(again, ALL)).toEqual([]);
    await again.close();
  });

  test('an open task can be neither opened nor destroyed', async () => {
    const storage = await open();
    await write(storage, [['a', '1']]);
    await expect(open()).rejects.toThrow(withCode('STATE_LOCKED'));
    await expect(backend().destroy('judge-0')).rejects.toThrow(withCode('STATE_LOCKED'));
    expect(storage.get(bytes('a'))).toEqual(bytes('1'));
    await write(storage, [['b', '2']]);
    await storage.close();
    const again = await open();
    expect(await texts(again, ALL)).toEqual(['a=1', 'b=2']);
    await again.close();
  });

  test.each(['', '.', '..', 'a/b', '../x', 'ä', 'a b', 'x'.repeat(201)])('%j is no name of a task', async (name) => {
    await expect(open(name)).rejects.toThrow(withCode('OPTION_INVALID'));
    await expect(backend().destroy(name)).rejects.toThrow(withCode('OPTION_INVALID'));
  });
}
