/** A schema registry without a server, for tests and tools of one process. */

import { GavelError } from 'gavel/streams';

import type { AvroType } from './avro.ts';
import { compileForeign } from './avro.ts';
import { Refusal, SchemaCatalog } from './registry-catalog.ts';
import type { SchemaRegistry } from './registry.ts';
import { incompatibleSchema, unknownSchema } from './registry.ts';

/** Checks and numbers schemas like the server, in memory; never `REGISTRY_UNAVAILABLE`. */
export function memoryRegistry(): SchemaRegistry {
  const catalog = new SchemaCatalog();
  const types = new Map<number, AvroType>();
  return {
    async register(subject, schema) {
      try {
        const { answer, event } = catalog.register(subject, schema);
        if (event !== undefined) catalog.apply(event);
        return answer.id;
      } catch (error) {
        if (!(error instanceof Refusal)) throw error;
        if (error.code === 409) throw incompatibleSchema(subject, error.message, error);
        throw new GavelError('SCHEMA_INVALID', `${subject}: ${error.message}`, { cause: error });
      }
    },
    lookup(id) {
      let type = types.get(id);
      if (type === undefined && catalog.has(id)) types.set(id, (type = compileForeign(catalog.schema(id))));
      return type ?? unknownSchema(id);
    },
    fetch: async () => {},
  };
}
