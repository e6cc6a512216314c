import fc from 'fast-check';
import { describe, expect, test } from 'vitest';

import { compileForeign } from '../../../schemas/avro.ts';
import type { CompatibilityLevel } from '../../../schemas/compatibility.ts';
import { COMPATIBILITY_LEVELS, incompatibilities } from '../../../schemas/compatibility.ts';

type Field = Readonly<Record<string, unknown>>;

function record(...fields: readonly Field[]): string {
  return JSON.stringify({ type: 'record', name: 'R', fields });
}

const A = { name: 'a', type: 'string' };
const OPTIONAL = { name: 'b', type: ['null', 'int'], default: null };
const REQUIRED = { name: 'b', type: 'int' };

function faults(level: CompatibilityLevel, schema: string, ...earlier: readonly string[]): readonly string[] {
  return incompatibilities(
    level,
    schema,
    earlier.map((text, index) => ({ version: index + 1, schema: text })),
  );
}

describe('adding and removing a field', () => {
  const OPTIONAL_ADDED = [record(A, OPTIONAL), record(A)] as const;
  const REQUIRED_ADDED = [record(A, REQUIRED), record(A)] as const;
  const REMOVED = [record(A), record(A, REQUIRED)] as const;

  test.each([
    ['NONE', true, true, true],
    ['BACKWARD', true, false, true],
    ['FORWARD', true, true, false],
    ['FULL', true, false, false],
  ] as const)('%s allows an optional one: %s, a required one: %s, removing a required one: %s', (level, ...allowed) => {
    const found = [OPTIONAL_ADDED, REQUIRED_ADDED, REMOVED].map((pair) => faults(level, ...pair).length === 0);
    expect(found).toEqual(allowed);
  });

  test('says which and who misses it', () => {
    expect(faults('BACKWARD', ...REQUIRED_ADDED)).toEqual([
      'R.b: the new schema has no default for it and version 1 does not write it',
    ]);
    expect(faults('FORWARD', ...REMOVED)).toEqual([
      'R.b: version 1 has no default for it and the new schema does not write it',
    ]);
  });
});

test('only the transitive levels look beyond the latest', () => {
  const fresh = record(A, { ...OPTIONAL, type: ['null', 'long'] });
  const [latest, old] = [record(A, OPTIONAL), record(A, { name: 'b', type: 'string' })];
  expect(faults('BACKWARD', fresh, old, latest)).toEqual([]);
  expect(faults('BACKWARD_TRANSITIVE', fresh, old, latest)).toEqual([
    'R.b: the new schema cannot read the string of version 1 as union of null and long',
  ]);
});

describe('a fault is named by its path', () => {
  const inner = (type: unknown) => ({ type: 'record', name: 'I', fields: [{ name: 'x', type }] });
  const changed = (type: (part: unknown) => unknown, from: unknown = 'int', to: unknown = 'string') =>
    faults('BACKWARD', record({ name: 'f', type: type(to) }), record({ name: 'f', type: type(from) }));

  test.each([
    ['record', (type: unknown) => inner(type), 'R.f.x'],
    ['array', (type: unknown) => ({ type: 'array', items: inner(type) }), 'R.f.x'],
    ['map', (type: unknown) => ({ type: 'map', values: inner(type) }), 'R.f.x'],
    ['nullable', (type: unknown) => ['null', inner(type)], 'R.f.x'],
    ['union', (type: unknown) => ['null', type, 'boolean'], 'R.f'],
  ])('in a(n) %s', (_, type, path) => {
    expect(changed(type)).toEqual([expect.stringMatching(`^${path}: the new schema cannot read the int`)]);
  });

  test('of an enum that lost a symbol', () => {
    const kind = (...symbols: string[]) => ({ type: 'enum', name: 'K', symbols });
    expect(changed((type) => type, kind('A', 'B'), kind('A'))).toEqual([
      'R.f: the new schema cannot read the enum K of version 1 as enum K',
    ]);
    expect(changed((type) => type, kind('A'), kind('A', 'B'))).toEqual([]);
  });

  test('of a record with another name', () => {
    const other = JSON.stringify({ type: 'record', name: 'S', fields: [A] });
    expect(faults('BACKWARD', other, record(A))).toEqual([
      'S: the new schema cannot read the record R of version 1 as record S',
    ]);
  });

  test('of each of several', () => {
    const fresh = record({ ...A, type: 'int' }, REQUIRED, { name: 'c', type: 'int' });
    expect(faults('BACKWARD', fresh, record(A)).map((text) => text.split(':')[0])).toEqual(['R.a', 'R.b', 'R.c']);
  });
});

test('an alias finds the field of before', () => {
  expect(faults('BACKWARD', record({ name: 'z', type: 'string', aliases: ['a'] }), record(A))).toEqual([]);
});

test('a schema that contains itself can be compared', () => {
  const list = (type: string) =>
    JSON.stringify({
      type: 'record',
      name: 'L',
      fields: [
        { name: 'x', type },
        { name: 'next', type: ['null', 'L'] },
      ],
    });
  expect(faults('BACKWARD', list('long'), list('int'))).toEqual([]);
  expect(faults('BACKWARD', list('int'), list('string'))).toEqual([expect.stringContaining('L.x')]);
});

test('what is allowed backward can be read, and nothing else', () => {
  const type = fc.constantFrom('int', 'long', 'double', 'string', 'boolean', 'bytes');
  const field = (name: string) =>
    fc
      .tuple(type, fc.boolean())
      .map(([kind, optional]): Field =>
        optional ? { name, type: ['null', kind], default: null } : { name, type: kind },
      );
  const fields = fc.tuple(field('a'), field('b'), field('c'));
  const schema = fc
    .tuple(fields, fc.subarray([0, 1, 2]))
    .map(([all, kept]) => record(...kept.map((i) => all[i] as Field)));
  fc.assert(
    fc.property(schema, schema, (fresh, old) => {
      expect(canRead(fresh, old)).toBe(faults('BACKWARD', fresh, old).length === 0);
    }),
  );
});

/** Whether a value of `old` can be read as one of `fresh`. */
function canRead(fresh: string, old: string): boolean {
  const [reader, writer] = [compileForeign(fresh), compileForeign(old)];
  try {
    return reader.isValid(reader.fromBuffer(writer.toBuffer(writer.random()), reader.createResolver(writer)));
  } catch {
    return false;
  }
}

test('every level allows the same again', () => {
  for (const level of COMPATIBILITY_LEVELS) expect(faults(level, record(A), record(A))).toEqual([]);
});
