/** The head of a local index answers as if all of it were in memory, with far more entries than it loads or keeps. */

import fc from 'fast-check';
import { expect, test } from 'vitest';
import { DueIndex } from '../../../streams/runtime/due-index.ts';

const pad = (order: number): string => String(order).padStart(6, '0');

const command = fc.oneof(
  fc.record({
    do: fc.constant('add' as const),
    from: fc.nat(30_000),
    count: fc.integer({ min: 1, max: 4_000 }),
    stride: fc.integer({ min: 1, max: 7 }),
  }),
  fc.record({ do: fc.constant('remove' as const), from: fc.nat(30_000), count: fc.integer({ min: 1, max: 3_000 }) }),
  fc.record({
    do: fc.constant('drain' as const),
    limit: fc.integer({ min: 1, max: 2_500 }),
    rounds: fc.integer({ min: 1, max: 5 }),
  }),
  fc.record({ do: fc.constant('first' as const), through: fc.nat(60_000), limit: fc.integer({ min: 1, max: 3_000 }) }),
  fc.record({ do: fc.constantFrom('commit' as const, 'rollback' as const) }),
);
type Command = typeof command extends fc.Arbitrary<infer T> ? T : never;

/** Entries that are current, those among them that are stored, and the index that must answer by both. */
class Pair {
  current = new Set<string>();
  stored = new Set<string>();
  readonly index = new DueIndex({
    load: (after, limit) => {
      const stored = [...this.stored].filter((position) => position > after).sort();
      const open = [...this.current].filter((position) => !this.stored.has(position) && position > after);
      const unfinished = (through: string): string[] => open.filter((position) => position <= through);
      return Promise.resolve({ stored: stored.slice(0, limit), unfinished });
    },
    isCurrent: (position) => this.current.has(position),
  });

  async run(it: Command): Promise<void> {
    switch (it.do) {
      case 'add':
        for (let i = 0; i < it.count; i++) {
          const position = pad(it.from + i * it.stride);
          if (!this.current.has(position)) this.index.add(position);
          this.current.add(position);
        }
        return;
      case 'remove':
        for (let i = 0; i < it.count; i++) this.current.delete(pad(it.from + i));
        return;
      case 'drain':
        for (let i = 0; i < it.rounds; i++)
          for (const position of await this.#first(it.limit)) this.current.delete(position);
        return;
      case 'first':
        await this.#first(it.limit, pad(it.through));
        return;
      case 'commit':
        this.stored = new Set(this.current);
        return;
      case 'rollback':
        this.current = new Set(this.stored);
        this.index.reset();
    }
  }

  async #first(limit: number, through = '\uffff'): Promise<readonly string[]> {
    const found = await this.index.first(through, limit);
    const wanted = [...this.current].filter((position) => position <= through).sort();
    expect(found).toEqual(wanted.slice(0, limit));
    return found;
  }
}

test('as a sorted set would', async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(command, { minLength: 5, maxLength: 25 }), async (commands) => {
      const pair = new Pair();
      for (const it of commands) await pair.run(it);
      await pair.run({ do: 'first', through: 60_000, limit: 60_000 });
    }),
    { numRuns: 60 },
  );
});
