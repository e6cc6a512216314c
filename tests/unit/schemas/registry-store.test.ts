import { GavelError } from 'gavel/streams';
import { expect, test } from 'vitest';

import type { RegistryEvent } from '../../../schemas/registry-catalog.ts';
import { RegistryStore } from '../../../schemas/registry-store.ts';

const SCHEMA = '{"type":"record","name":"R","fields":[]}';

/** A journal that fails when told to, with what it kept. */
function fakeJournal() {
  const kept: RegistryEvent[] = [];
  const journal = {
    full: false,
    events: [],
    async append(event: RegistryEvent): Promise<void> {
      if (journal.full) throw new GavelError('STORAGE_FULL', 'no room');
      kept.push(event);
    },
    close: async () => undefined,
  };
  return { journal, kept };
}

test('what cannot be kept is not answered and has not happened; the next change is tried', async () => {
  const { journal, kept } = fakeJournal();
  const store = new RegistryStore(journal);
  journal.full = true;
  await expect(store.change((catalog) => catalog.register('a', SCHEMA))).rejects.toThrow('no room');
  expect(store.catalog.subjects(true)).toEqual([]);
  journal.full = false;
  expect(await store.change((catalog) => catalog.register('a', SCHEMA))).toEqual({ id: 1 });
  expect(kept).toEqual([{ op: 'register', subject: 'a', version: 1, id: 1, schema: SCHEMA }]);
});

test('changes at once are decided one after the other', async () => {
  const { journal, kept } = fakeJournal();
  const store = new RegistryStore(journal);
  const subjects = ['a', 'b', 'a'];
  await Promise.all(subjects.map((subject) => store.change((catalog) => catalog.register(subject, SCHEMA))));
  expect(kept.map((event) => event.subject)).toEqual(['a', 'b']);
});
