/** Arbitrary values of an Avro schema, for property tests. */

import fc from 'fast-check';

type Schema = string | readonly Schema[] | Named;

interface Named {
  readonly type: string;
  readonly name?: string;
  readonly logicalType?: string;
  readonly symbols?: readonly string[];
  readonly items?: Schema;
  readonly fields?: readonly { readonly name: string; readonly type: Schema }[];
}

const INT64 = { min: -(2n ** 63n), max: 2n ** 63n - 1n };
// avsc's own longs end one before the safe integers, and lose the sign of negative ones beyond 2^52.
const LONG = fc.maxSafeInteger().map((value) => Math.max(Math.min(value, 2 ** 53 - 2), -(2 ** 52)));

/** What a field of money is read as: a bigint only where a number would not do. */
export function asMoney(value: bigint): number | bigint {
  return Number.isSafeInteger(Number(value)) ? Number(value) : value;
}

/** Values of `schema` (JSON text) as our serdes give them. */
export function arbitraryOf(schema: string): fc.Arbitrary<Record<string, unknown>> {
  return valueOf(JSON.parse(schema) as Schema, new Map()) as fc.Arbitrary<Record<string, unknown>>;
}

function valueOf(schema: Schema, named: Map<string, fc.Arbitrary<unknown>>): fc.Arbitrary<unknown> {
  if (typeof schema !== 'string' && 'map' in schema) return fc.oneof(...schema.map((branch) => valueOf(branch, named)));
  const { type, name, logicalType, symbols, items, fields }: Named =
    typeof schema === 'string' ? { type: schema } : schema;
  const known = named.get(type);
  if (known !== undefined) return known;
  let made: fc.Arbitrary<unknown>;
  if (logicalType === 'money') made = fc.oneof(fc.integer(), fc.bigInt(INT64)).map((value) => asMoney(BigInt(value)));
  else if (fields !== undefined)
    made = fc.record(Object.fromEntries(fields.map((field) => [field.name, valueOf(field.type, named)])));
  else if (symbols !== undefined) made = fc.constantFrom(...symbols);
  else if (items !== undefined) made = fc.array(valueOf(items, named), { maxLength: 12 });
  else made = primitive(type);
  if (name !== undefined) named.set(name, made);
  return made;
}

function primitive(type: string): fc.Arbitrary<unknown> {
  switch (type) {
    case 'null':
      return fc.constant(null);
    case 'boolean':
      return fc.boolean();
    case 'int':
      return fc.integer();
    case 'long':
      return LONG;
    case 'double':
      return fc.double({ noNaN: true });
    case 'string':
      return fc.oneof(fc.string({ maxLength: 100 }), fc.string({ unit: 'grapheme', maxLength: 40 }));
    default:
      throw new Error(`no arbitrary for ${type}`);
  }
}
