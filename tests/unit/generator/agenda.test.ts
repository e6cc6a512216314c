import fc from 'fast-check';
import { expect, it } from 'vitest';
import { Agenda } from '../../../generator/agenda.ts';

it('gives its entries in order of time and number, also while they move on', () => {
  const times = fc.array(fc.array(fc.nat(1000), { minLength: 1, maxLength: 5 }), { maxLength: 40 });
  fc.assert(
    fc.property(times, (lists) => {
      const agenda = new Agenda<{ nextAt: number; number: number; rest: number[] }>();
      for (const [number, list] of lists.entries()) {
        const rest = list.toSorted((a, b) => a - b);
        agenda.add({ nextAt: rest.shift() as number, number, rest });
      }
      const seen: [number, number][] = [];
      for (let first = agenda.peek(); first !== undefined; first = agenda.peek()) {
        seen.push([first.nextAt, first.number]);
        first.nextAt = first.rest.shift() ?? Infinity;
        agenda.settleFirst();
      }
      const expected = lists.flatMap((list, number) => list.map((at): [number, number] => [at, number]));
      expect(seen).toEqual(expected.toSorted((a, b) => a[0] - b[0] || a[1] - b[1]));
      expect(agenda.size).toBe(0);
    }),
  );
});
