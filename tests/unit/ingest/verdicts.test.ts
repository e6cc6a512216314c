import fc from 'fast-check';
import { expect, it } from 'vitest';
import { InputOffsets } from '../../../ingest/verdicts.ts';

it('is a set of offsets that lie above the first one of their partition', () => {
  const place = fc.record({ partition: fc.nat(2), offset: fc.integer({ min: 100, max: 40_000 }) });
  fc.assert(
    fc.property(fc.array(place), fc.array(place), (added, taken) => {
      const offsets = new InputOffsets([100, 50, 0]);
      const model = new Set<string>();
      for (const { partition, offset } of added) {
        offsets.add(partition, offset);
        model.add(`${partition}:${offset}`);
      }
      expect(offsets.size).toBe(model.size);
      for (const { partition, offset } of [...added, ...taken]) {
        expect(offsets.take(partition, offset)).toBe(model.delete(`${partition}:${offset}`));
      }
      expect(offsets.size).toBe(model.size);
      expect(offsets.take(0, 99)).toBe(false);
      expect(offsets.take(3, 100)).toBe(false);
    }),
  );
});
