/**
 * Rows of stores as Avro behind the first four bytes of their schema's fingerprint, so that a row which an earlier version
 * of its schema wrote is told from a current one and resolved.
 *
 * To change the schema of a row: copy the .avsc file to state/older/ under another file name, change it so that it still
 * reads the copy (a new field has a default) and run `npm run schemas:types`.
 */

import type { ByteSink, Serde } from 'gavel/streams';
import { GavelError } from 'gavel/streams';

import type { AvroResolver, AvroType } from './avro.ts';
import { compileForeign, compileOwn, decodeValue, encodeValue } from './avro.ts';
import { OLDER_SCHEMAS, ROW_SCHEMAS } from './definitions.ts';
import { recordType } from './serde.ts';
import type { RecordTypes, RowTypes } from './types.ts';

/** Whatever a store may hold: a row of its own, or a record as it came. */
export type StoredTypes = RowTypes & RecordTypes;

/** Both directions throw `SERDE_FAILED`; no registry is asked. */
export function stateSerde<Name extends keyof StoredTypes>(name: Name): Serde<StoredTypes[Name]> {
  return rowSerde<StoredTypes[Name]>(isRow(name) ? compileOwn(ROW_SCHEMAS[name]) : recordType(name), OLDER_SCHEMAS);
}

const FINGERPRINT = 4;

/** The serde of `type` that also reads what the schemas of the same name among `older` wrote. */
export function rowSerde<T>(type: AvroType, older: readonly string[]): Serde<T> {
  const current = fingerprintOf(type);
  const resolvers = new Map<number, AvroResolver>();
  for (const writer of older.map(compileForeign)) {
    if (writer.name === type.name) resolvers.set(fingerprintOf(writer), type.createResolver(writer));
  }
  return {
    serialize(value: T, sink: ByteSink): void {
      const start = sink.position;
      encodeValue(type, value, sink, FINGERPRINT);
      sink.buffer.writeInt32BE(current, start);
    },
    deserialize(bytes: Buffer): T {
      const found = bytes.length < FINGERPRINT ? undefined : bytes.readInt32BE(0);
      if (found === current) return decodeValue(type, bytes, FINGERPRINT) as T;
      const resolver = found === undefined ? undefined : resolvers.get(found);
      if (resolver === undefined) throw unknownSchema(type, found);
      return decodeValue(type, bytes, FINGERPRINT, resolver) as T;
    },
  };
}

function isRow(name: string): name is keyof RowTypes {
  return Object.hasOwn(ROW_SCHEMAS, name);
}

function fingerprintOf(type: AvroType): number {
  return type.fingerprint().readInt32BE(0);
}

function unknownSchema(type: AvroType, found: number | undefined): GavelError {
  return new GavelError('SERDE_FAILED', `a stored ${type.name} has the unknown schema ${found?.toString(16)}`, {
    hint: 'It was written by another version of this program: run that one, or reset the state.',
  });
}
