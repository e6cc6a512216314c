/** State that turns out to be damaged while it is in use is rebuilt, not opened again and again as it is. */

import { expect, test } from 'vitest';
import { GavelError } from 'gavel/streams';
import type { StateBackend } from 'gavel/streams';
import { memoryState } from 'gavel/stores';
import { createTestDriver } from 'gavel/testing';
import { input, output, pairs, stepTopology } from '../unit/streams/runtime/support.ts';

/** Memory state that is damaged for one operation until it is destroyed. */
function damaging(operation: 'get' | 'write'): StateBackend & { damage: () => void } {
  const inner = memoryState();
  let damaged = false;
  const check = (): void => {
    if (damaged) throw new GavelError('STATE_CORRUPT', 'a block cannot be read');
  };
  return {
    damage: () => (damaged = true),
    async open(task) {
      const storage = await inner.open(task);
      return {
        get(key) {
          if (operation === 'get' && key.includes('cold')) check();
          return storage.get(key);
        },
        iterate: (range) => storage.iterate(range),
        size: () => storage.size(),
        close: () => storage.close(),
        batch: () => {
          const batch = storage.batch();
          return {
            put: (key, value) => batch.put(key, value),
            delete: (key) => batch.delete(key),
            get size() {
              return batch.size;
            },
            async write() {
              if (operation === 'write') check();
              await batch.write();
            },
            discard: () => batch.discard(),
          };
        },
      };
    },
    async destroy(task) {
      damaged = false;
      await inner.destroy(task);
    },
    list: () => inner.list(),
  };
}

test.each(['get', 'write'] as const)(
  'damage found by a %s: rebuilt from the changelog, and said',
  async (operation) => {
    const state = damaging(operation);
    const warnings: string[] = [];
    await using driver = await createTestDriver({
      topology: stepTopology((context) => ({
        process({ key, value }) {
          const before = context.stores.rows.get(key) ?? '';
          context.stores.rows.put(key, before + value);
          context.forward('out', key, before + value);
        },
      })),
      state: () => state,
      options: { listeners: { onWarning: ({ code }) => warnings.push(code) } },
    });
    await driver.pipe(input, [{ key: 'cold', value: '1' }]);
    await driver.kill(0);
    await driver.start(0);
    state.damage();
    await driver.pipe(input, [{ key: 'cold', value: '2' }]);
    expect(warnings).toContain('STATE_REBUILT');
    expect(pairs(await driver.read(output))).toEqual([
      ['cold', '1'],
      ['cold', '12'],
    ]);
    expect((await driver.store('rows').get('cold')).value).toBe('12');
  },
);

test('an offset that the log lost is looked for again while the broker is away', async () => {
  await using driver = await createTestDriver({
    topology: stepTopology(({ forward }) => ({ process: ({ key, value }) => forward('out', key, value) })),
  });
  await driver.pipe(input, [{ key: 'a', value: '1' }]);
  await driver.stop(0);
  await driver.send(
    input,
    ['2', '3', '4'].map((value) => ({ key: 'a', value })),
  );
  await driver.broker.deleteRecords([{ topic: input.name, partition: 0, offset: 3 }]);
  await driver.start(1);
  await driver.stop(1);
  let away = 0;
  driver.broker.control.intercept((call) => {
    // The changelog is asked for first: its two questions are answered.
    if (call.operation !== 'listOffsets') return undefined;
    return ++away > 2 && away < 6 ? 'fail' : undefined;
  });
  await driver.broker.groups.commitOffsets({ groupId: 'test', generation: -1, memberId: '' }, [
    { topic: input.name, partition: 0, offset: 1, metadata: '' },
  ]);
  await driver.start(2);
  await driver.advance(1_000);
  expect(away).toBeGreaterThan(5);
  expect(driver.status()[2]?.tasks[0]?.inputs[0]).toMatchObject({ position: 4, committed: 4 });
});
