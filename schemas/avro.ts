/** Avro schemas compiled to what reads and writes values; with avro-types.ts the only place that knows avsc. */

import avro from 'avsc';

import type { ByteSink } from 'gavel/streams';
import { GavelError, toGavelError } from 'gavel/streams';

import { BoundedArrayType, BoundedMapType, NullableType, ShortStringType, WideLongType } from './avro-types.ts';

export type AvroType = avro.Type;
export type AvroResolver = ReturnType<avro.Type['createResolver']>;
export type AvroOptions = Partial<Parameters<typeof avro.Type.forSchema>[1] & object>;

/** What most values fit into; a longer one is written twice where the sink is nearly full. */
const TYPICAL_BYTES = 256;

const STRING = new ShortStringType();
const WIDE_LONG = new WideLongType();

/** avsc's options for a schema from elsewhere, of which only the bytes matter: every long may be wide. */
export const FOREIGN_OPTIONS: AvroOptions = Object.freeze({
  omitRecordMethods: true,
  typeHook: (schema: unknown, options: unknown) => (isLong(schema) ? WIDE_LONG : ourType(schema, options)) as AvroType,
});

const OWN_OPTIONS: AvroOptions = Object.freeze({
  omitRecordMethods: true,
  wrapUnions: 'never',
  typeHook: (schema: unknown, options: unknown) => (isMoney(schema) ? WIDE_LONG : ourType(schema, options)) as AvroType,
});

/** Compiles a schema of ours: unions unwrapped, longs are safe numbers except for the logical type `money`. */
export function compileOwn(schema: string): AvroType {
  return avro.Type.forSchema(JSON.parse(schema) as avro.Schema, { ...OWN_OPTIONS });
}

/** Compiles any schema. @throws GavelError `SCHEMA_INVALID` */
export function compileForeign(schema: string): AvroType {
  try {
    return avro.Type.forSchema(JSON.parse(schema) as avro.Schema, { ...FOREIGN_OPTIONS });
  } catch (error) {
    throw toGavelError(error, 'SCHEMA_INVALID', 'not an Avro schema');
  }
}

/** Decoded values of this record answer `type` with `name`, at no cost per value. */
export function tellType(type: AvroType, name: string): AvroType {
  const { recordConstructor } = type as avro.types.RecordType;
  Object.defineProperty((recordConstructor as { prototype: object }).prototype, 'type', { value: name });
  return type;
}

/** The name without its namespace. */
export function shortName(type: AvroType): string {
  const name = type.branchName ?? type.typeName;
  return name.slice(name.lastIndexOf('.') + 1);
}

/**
 * Appends the Avro body of `value` behind `prefix` bytes that the caller fills in.
 * @throws GavelError `SERDE_FAILED` naming the fields that do not fit the schema; nothing was appended.
 */
export function encodeValue(type: AvroType, value: unknown, sink: ByteSink, prefix: number): void {
  sink.reserve(TYPICAL_BYTES);
  let end: number;
  try {
    end = type.encode(value, sink.buffer, sink.position + prefix);
    if (end < 0) {
      sink.reserve(sink.buffer.length - end - sink.position);
      end = type.encode(value, sink.buffer, sink.position + prefix);
    }
  } catch (error) {
    throw new GavelError('SERDE_FAILED', `cannot write ${faultOf(type, value)}`, { cause: error });
  }
  sink.position = end;
}

/** Reads the one value that fills `bytes` from `start` on. @throws GavelError `SERDE_FAILED` */
export function decodeValue(type: AvroType, bytes: Buffer, start: number, resolver?: AvroResolver): unknown {
  let offset: number;
  let value: unknown;
  try {
    ({ value, offset } = type.decode(bytes, start, resolver));
  } catch (error) {
    throw toGavelError(error, 'SERDE_FAILED', `cannot read ${shortName(type)} of ${bytes.length} bytes`);
  }
  if (offset === bytes.length) return value;
  const fault = offset < 0 ? 'is cut off' : `ends at byte ${offset}`;
  throw new GavelError('SERDE_FAILED', `cannot read ${shortName(type)} of ${bytes.length} bytes: it ${fault}`);
}

/** Names the fields at fault, never their values: an amount may be secret. */
function faultOf(type: AvroType, value: unknown): string {
  const faults: string[] = [];
  type.isValid(value, {
    errorHook: (path, part: unknown, expected) => {
      const found = part === null ? 'null' : typeof part;
      faults.push(`${[shortName(type), ...path].join('.')}: ${found} is no ${shortName(expected)}`);
    },
  });
  return faults.length > 0 ? faults.join(', ') : shortName(type);
}

interface SchemaNode {
  readonly type?: unknown;
  readonly logicalType?: unknown;
}

function isLong(schema: unknown): boolean {
  return schema === 'long' || (schema as SchemaNode).type === 'long';
}

function isMoney(schema: unknown): boolean {
  return isLong(schema) && (schema as SchemaNode).logicalType === 'money';
}

/** Our type for a node of a schema, undefined where avsc's is taken. */
function ourType(schema: unknown, options: unknown): AvroType | undefined {
  if (Array.isArray(schema)) {
    const nullable = schema.length === 2 && schema[0] === 'null';
    return nullable ? new NullableType(schema as avro.Schema, options) : undefined;
  }
  if (schema === 'string') return STRING;
  const { type } = schema as SchemaNode;
  if (type === 'array') return new BoundedArrayType(schema as avro.Schema, options);
  if (type === 'map') return new BoundedMapType(schema as avro.Schema, options);
  return type === 'string' ? STRING : undefined;
}
