import { serializeToBuffer } from 'gavel/streams';
import { avroSerdes, memoryRegistry, stateSerde } from 'gavel/schemas';
import type { RecordTypes, RowTypes } from 'gavel/schemas';
import fc from 'fast-check';
import { expect, test } from 'vitest';

import { RECORD_SCHEMAS, ROW_SCHEMAS } from '../../../schemas/definitions.ts';
import { arbitraryOf } from './arbitrary.ts';

const RECORDS = Object.keys(RECORD_SCHEMAS) as (keyof RecordTypes)[];
const ROWS = Object.keys(ROW_SCHEMAS) as (keyof RowTypes)[];

test.each(RECORDS)('any %s comes back as it went', async (name) => {
  const serdes = avroSerdes(memoryRegistry());
  const serde = serdes.serde('topic', [name]);
  await serdes.prepare();
  fc.assert(
    fc.property(arbitraryOf(RECORD_SCHEMAS[name]), (value) => {
      const decoded = serde.deserialize(serializeToBuffer(serde, { type: name, ...value } as never));
      expect(decoded.type).toBe(name);
      expect({ ...decoded }).toEqual(value);
    }),
  );
});

test.each(RECORDS)('a decoded %s is written to the same bytes again', async (name) => {
  const serdes = avroSerdes(memoryRegistry());
  const serde = serdes.serde('topic', [name]);
  await serdes.prepare();
  fc.assert(
    fc.property(arbitraryOf(RECORD_SCHEMAS[name]), (value) => {
      const bytes = serializeToBuffer(serde, { type: name, ...value } as never);
      expect(serializeToBuffer(serde, Object.freeze(serde.deserialize(bytes)))).toEqual(bytes);
    }),
  );
});

test.each(ROWS)('any stored %s comes back as it went', (name) => {
  const serde = stateSerde(name);
  fc.assert(
    fc.property(arbitraryOf(ROW_SCHEMAS[name]), (value) => {
      expect({ ...serde.deserialize(serializeToBuffer(serde, value as never)) }).toEqual(value);
    }),
  );
});
