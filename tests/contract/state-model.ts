/** The state port against a model: a Map, sorted when it is read. */
import fc from 'fast-check';
import { expect, test } from 'vitest';
import type { KeyRange, TaskStorage } from '../../streams/state.ts';
import { ALL, drain, scan } from './state-bytes.ts';

/** Few short keys of the bytes that sort differently when taken as signed, as text or as UTF-8. */
const keyArbitrary = fc
  .array(fc.constantFrom(0, 1, 0x41, 0x7f, 0x80, 0xc3, 0xff), { maxLength: 3 })
  .map((key) => Buffer.from(key));
const batchArbitrary = fc.record({
  kind: fc.constant('batch' as const),
  operations: fc.array(fc.tuple(keyArbitrary, fc.option(fc.uint8Array({ maxLength: 5 }), { nil: undefined })), {
    maxLength: 12,
  }),
});
const scanArbitrary = fc.record({
  kind: fc.constant('scan' as const),
  gte: keyArbitrary,
  lt: keyArbitrary,
  reverse: fc.boolean(),
  limit: fc.integer({ min: 1, max: 5 }),
  /** Batches that are written between making the iterator and draining it. */
  meanwhile: fc.array(batchArbitrary, { maxLength: 2 }),
});
const stepArbitrary = fc.oneof(
  { weight: 3, arbitrary: batchArbitrary },
  { weight: 3, arbitrary: scanArbitrary },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('reopen' as const) }) },
);
type BatchStep = typeof batchArbitrary extends fc.Arbitrary<infer T> ? T : never;

export function modelContract(open: (task: string) => Promise<TaskStorage>): void {
  test('any run of batches, scans and reopenings answers as a sorted map would', async () => {
    let run = 0;
    await fc.assert(
      fc.asyncProperty(fc.array(stepArbitrary, { maxLength: 12 }), async (steps) => {
        const task = `model-${(run += 1)}`;
        const model = new Map<string, Buffer>();
        let storage = await open(task);
        for (const step of steps) {
          if (step.kind === 'batch') await applyBatch(storage, model, step);
          if (step.kind === 'reopen') {
            await storage.close();
            storage = await open(task);
          }
          if (step.kind !== 'scan') continue;
          const expected = modelRange(model, step);
          const iterator = storage.iterate(step);
          for (const batch of step.meanwhile) await applyBatch(storage, model, batch);
          expect(await drain(iterator, step.limit)).toEqual(expected);
        }
        expect(await scan(storage, ALL)).toEqual(modelRange(model, ALL));
        for (const [key, value] of model) expect(storage.get(Buffer.from(key, 'latin1'))).toEqual(value);
        await storage.close();
      }),
      { numRuns: 150 },
    );
  });
}

async function applyBatch(storage: TaskStorage, model: Map<string, Buffer>, step: BatchStep): Promise<void> {
  const batch = storage.batch();
  for (const [key, value] of step.operations) {
    if (value === undefined) batch.delete(key);
    else batch.put(key, Buffer.from(value));
    if (value === undefined) model.delete(key.toString('latin1'));
    else model.set(key.toString('latin1'), Buffer.from(value));
  }
  await batch.write();
}

function modelRange(model: ReadonlyMap<string, Buffer>, { gte, lt, reverse = false }: KeyRange): [Buffer, Buffer][] {
  const rows = [...model]
    .map(([key, value]): [Buffer, Buffer] => [Buffer.from(key, 'latin1'), value])
    .filter(([key]) => Buffer.compare(key, gte) >= 0 && Buffer.compare(key, lt) < 0)
    .sort((a, b) => Buffer.compare(a[0], b[0]));
  return reverse ? rows.reverse() : rows;
}
