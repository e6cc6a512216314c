/** Records of any registered schema, as JSON can show them. */

import { GavelError } from 'gavel/streams';

import { decodeValue, shortName } from './avro.ts';
import type { SchemaRegistry } from './registry.ts';
import { FRAME, schemaIdOf } from './serde.ts';

export type Json = null | boolean | number | string | readonly Json[] | { readonly [name: string]: Json };

export interface InspectedRecord {
  /** Name of the record without its namespace. */
  readonly type: string;
  /** Longs as numbers, as strings where not safe; bytes in base64; unions without their branch. */
  readonly value: Json;
}

/** @throws GavelError `SERDE_FAILED`, `SCHEMA_UNKNOWN`, `SCHEMA_INVALID`, `REGISTRY_UNAVAILABLE` */
export async function inspectRecord(registry: SchemaRegistry, bytes: Buffer): Promise<InspectedRecord> {
  const id = schemaIdOf(bytes);
  if (registry.lookup(id) === undefined) await registry.fetch(id);
  const type = registry.lookup(id);
  if (type === undefined) throw new GavelError('SCHEMA_UNKNOWN', `the schema registry has no schema ${id}`);
  if (type instanceof GavelError) throw type;
  return { type: shortName(type), value: jsonOf(decodeValue(type, bytes, FRAME)) };
}

function jsonOf(value: unknown): Json {
  if (typeof value === 'bigint') return String(value);
  if (typeof value !== 'object' || value === null) return value as Json;
  if (Buffer.isBuffer(value)) return value.toString('base64');
  if (Array.isArray(value)) return value.map(jsonOf);
  // avsc wraps the branches of a union that it could not tell apart otherwise.
  const { unwrap } = value as { unwrap?: unknown };
  if (typeof unwrap === 'function') return jsonOf((unwrap as () => unknown).call(value));
  return Object.fromEntries(Object.entries(value).map(([name, part]) => [name, jsonOf(part)]));
}
