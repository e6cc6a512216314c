/** The port to a schema registry, as the serdes need it. */

import { GavelError } from 'gavel/streams';

import type { AvroType } from './avro.ts';

export interface SchemaRegistry {
  /**
   * The id of `schema` (Avro as JSON text) under `subject`, registering it if need be.
   * @throws GavelError `SCHEMA_INCOMPATIBLE`, `SCHEMA_INVALID`, `REGISTRY_UNAVAILABLE`
   */
  register(subject: string, schema: string): Promise<number>;
  /**
   * The schema of an id as far as it is known here: undefined until it was fetched; a `SCHEMA_UNKNOWN` where the
   * registry has no such id, a `SCHEMA_INVALID` where it is not Avro.
   */
  lookup(id: number): AvroType | GavelError | undefined;
  /** Asks the registry, once for all who wait; `lookup` answers afterwards. @throws GavelError `REGISTRY_UNAVAILABLE` */
  fetch(id: number): Promise<void>;
}

/** What an incompatible schema is refused with. @param reasons what the registry said, naming the field */
export function incompatibleSchema(subject: string, reasons: string, cause: unknown): GavelError {
  return new GavelError('SCHEMA_INCOMPATIBLE', `${subject}: ${reasons}`, {
    cause,
    hint: 'Give new fields a default, or write the changed record under a new name.',
  });
}

/** What `lookup` answers for an id that the registry does not have. */
export function unknownSchema(id: number): GavelError {
  return new GavelError('SCHEMA_UNKNOWN', `the schema registry has no schema ${id}`, {
    hint: 'The record was written against another registry, or its id is damaged.',
  });
}
