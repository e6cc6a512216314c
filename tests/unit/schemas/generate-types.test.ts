import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';

import { expect, onTestFinished, test } from 'vitest';

import { generate } from '../../../schemas/generate-types.ts';

const FOLDER = new URL('../../../schemas/', import.meta.url);

test.each(['types.ts', 'definitions.ts'] as const)(
  '%s is what the .avsc files say (npm run schemas:types)',
  async (file) => {
    expect(await readFile(new URL(file, FOLDER), 'utf8')).toBe(generate(FOLDER)[file]);
  },
);

test('one name cannot mean two things', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'gavel-schemas-'));
  onTestFinished(() => rm(folder, { recursive: true }));
  for (const [name, symbol] of [
    ['A', 'ONE'],
    ['B', 'TWO'],
  ]) {
    const kind = { type: 'enum', name: 'Kind', doc: 'Kind.', symbols: [symbol] };
    const schema = { type: 'record', name, doc: 'Doc.', fields: [{ name: 'kind', type: kind, doc: 'Doc.' }] };
    await writeFile(join(folder, `${name}.avsc`), JSON.stringify(schema));
  }
  expect(() => generate(pathToFileURL(`${folder}/`))).toThrow('two definitions of Kind');
});

test('every record, row and field is explained', async () => {
  const types = await readFile(new URL('types.ts', FOLDER), 'utf8');
  expect(types).not.toMatch(/\/\*\* (undefined)? ?\*\//);
  expect(types).not.toContain('undefined');
});
