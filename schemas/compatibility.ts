/** Which schema may follow which under a subject, and what stands against it, field by field. */

import type avro from 'avsc';

import type { AvroType } from './avro.ts';
import { compileForeign, shortName } from './avro.ts';

/**
 * BACKWARD: the new schema reads what the latest wrote; FORWARD: the latest reads what the new one writes; FULL: both;
 * TRANSITIVE: every earlier one instead of the latest.
 */
export const COMPATIBILITY_LEVELS = [
  'NONE',
  'BACKWARD',
  'BACKWARD_TRANSITIVE',
  'FORWARD',
  'FORWARD_TRANSITIVE',
  'FULL',
  'FULL_TRANSITIVE',
] as const;

export type CompatibilityLevel = (typeof COMPATIBILITY_LEVELS)[number];

/** A schema that is registered already. */
export interface EarlierSchema {
  readonly version: number;
  readonly schema: string;
}

/**
 * One sentence for each fault that forbids `schema` after `earlier` (oldest first); empty where it is allowed.
 * @throws GavelError `SCHEMA_INVALID`
 */
export function incompatibilities(
  level: CompatibilityLevel,
  schema: string,
  earlier: readonly EarlierSchema[],
): readonly string[] {
  const type = compileForeign(schema);
  const faults: string[] = [];
  for (const { version, schema: text } of level.endsWith('_TRANSITIVE') ? earlier : earlier.slice(-1)) {
    const fresh = { type, label: 'the new schema' };
    const old = { type: compileForeign(text), label: `version ${version}` };
    if (/^(BACKWARD|FULL)/.test(level)) faults.push(...faultsOf(fresh, old));
    if (/^(FORWARD|FULL)/.test(level)) faults.push(...faultsOf(old, fresh));
  }
  return faults;
}

interface Side {
  readonly type: AvroType;
  readonly label: string;
}

function faultsOf(reader: Side, writer: Side): readonly string[] {
  const faults: string[] = [];
  const seen: (readonly [AvroType, AvroType])[] = []; // a schema may contain itself
  /** Answers whether there is a fault, which is told then. */
  const compare = (read: AvroType, written: AvroType, path: string): boolean => {
    if (isReadable(read, written)) return false;
    if (seen.some((pair) => pair[0] === read && pair[1] === written)) return true;
    seen.push([read, written]);
    let told = false;
    for (const part of partsOf(read, written)) {
      const at = part.name === '' ? path : `${path}.${part.name}`;
      if (part.written !== undefined) {
        told = compare(part.read, part.written, at) || told;
      } else {
        faults.push(`${at}: ${reader.label} has no default for it and ${writer.label} does not write it`);
        told = true;
      }
    }
    if (told) return true;
    const [from, to] = [describe(written), describe(read)];
    faults.push(`${path}: ${reader.label} cannot read the ${from} of ${writer.label} as ${to}`);
    return true;
  };
  compare(reader.type, writer.type, shortName(reader.type));
  return faults;
}

function isReadable(reader: AvroType, writer: AvroType): boolean {
  try {
    reader.createResolver(writer);
    return true;
  } catch {
    return false; // avsc answers by throwing; compare() finds out why
  }
}

interface Part {
  /** Of the field; empty for the items of an array or the branch of a union. */
  readonly name: string;
  readonly read: AvroType;
  /** Undefined where the writer lacks a field that the reader needs. */
  readonly written: AvroType | undefined;
}

/** What two types of one kind are made of. */
function partsOf(reader: AvroType, writer: AvroType): readonly Part[] {
  const branches = (writer as avro.types.UnwrappedUnionType).types as AvroType[] | undefined;
  if (branches !== undefined) {
    const unreadable = branches.filter((branch) => !isReadable(reader, branch));
    return unreadable.map((branch) => ({ name: '', read: sameBranch(reader, branch), written: branch }));
  }
  if (reader.typeName === 'record' && writer.typeName === 'record') {
    return fieldsOf(reader as avro.types.RecordType, writer as avro.types.RecordType);
  }
  if (reader.typeName === 'array' && writer.typeName === 'array') {
    const [items, written] = [reader, writer].map((type) => (type as avro.types.ArrayType).itemsType);
    return [{ name: '', read: items as AvroType, written }];
  }
  if (reader.typeName === 'map' && writer.typeName === 'map') {
    const [values, written] = [reader, writer].map((type) => (type as avro.types.MapType).valuesType as AvroType);
    return [{ name: '', read: values as AvroType, written }];
  }
  return [];
}

function fieldsOf(reader: avro.types.RecordType, writer: avro.types.RecordType): readonly Part[] {
  if (reader.name !== writer.name && !(reader.aliases ?? []).includes(writer.name ?? '')) return [];
  const parts: Part[] = [];
  for (const field of reader.fields) {
    const source = writer.fields.find(({ name }) => name === field.name || field.aliases.includes(name));
    if (source !== undefined) parts.push({ name: field.name, read: field.type, written: source.type });
    else if (field.defaultValue() === undefined) parts.push({ name: field.name, read: field.type, written: undefined });
  }
  return parts;
}

/** The branch of `reader` with the name of `branch`, or all of it. */
function sameBranch(reader: AvroType, branch: AvroType): AvroType {
  const branches = (reader as avro.types.UnwrappedUnionType).types as AvroType[] | undefined;
  return branches?.find(({ branchName }) => branchName === branch.branchName) ?? reader;
}

function describe(type: AvroType): string {
  const branches = (type as avro.types.UnwrappedUnionType).types as AvroType[] | undefined;
  if (branches !== undefined) return `union of ${branches.map(describe).join(' and ')}`;
  return type.name === undefined ? type.typeName : `${type.typeName} ${type.name}`;
}
