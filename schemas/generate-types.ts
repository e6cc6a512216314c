/** Writes types.ts and definitions.ts from the .avsc files: `npm run schemas:types`. A test fails when they are stale. */

import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';

type Schema = string | readonly Schema[] | NamedSchema | ArraySchema | AnnotatedSchema;

interface NamedSchema {
  readonly type: 'record' | 'enum';
  readonly name: string;
  readonly doc?: string;
  readonly fields?: readonly Field[];
  readonly symbols?: readonly string[];
}

interface ArraySchema {
  readonly type: 'array';
  readonly items: Schema;
}

interface AnnotatedSchema {
  readonly type: 'long';
  readonly logicalType: string;
}

interface Field {
  readonly name: string;
  readonly type: Schema;
  readonly doc: string;
}

/** The generated files by name. */
export interface GeneratedFiles {
  readonly 'types.ts': string;
  readonly 'definitions.ts': string;
}

const HEADER = 'Generated from the .avsc files by generate-types.ts; do not edit.';

/** Reads the schemas of `folder` (records of topics), `folder/state` (rows) and `folder/state/older`. */
export function generate(folder: URL): GeneratedFiles {
  const records = readSchemas(folder);
  const rows = readSchemas(new URL('state/', folder));
  const older = readSchemas(new URL('state/older/', folder));
  return {
    'types.ts': typesFile(records, rows),
    'definitions.ts': definitionsFile(records, rows, older),
  };
}

function readSchemas(folder: URL): readonly NamedSchema[] {
  if (!existsSync(folder)) return [];
  const files = readdirSync(folder).filter((file) => file.endsWith('.avsc'));
  return files.sort().map((file) => JSON.parse(readFileSync(new URL(file, folder), 'utf8')) as NamedSchema);
}

function typesFile(records: readonly NamedSchema[], rows: readonly NamedSchema[]): string {
  const topLevel = new Set(records.map((schema) => schema.name));
  const named = new Map<string, string>();
  for (const schema of [...records, ...rows]) collect(schema, topLevel, named);
  return [
    `/** ${HEADER} */`,
    '/* oxlint-disable max-lines */',
    '',
    '/** Minor units of a currency, straight from outside: a bigint beyond the safe integers, so check before counting. */',
    'export type Money = number | bigint;',
    '',
    '/**',
    ' * Tells the records of topics apart. Decoded ones have it on their prototype, where `{ ...record }` loses it; as an',
    ' * accessor of a class TypeScript knows that.',
    ' */',
    'declare abstract class Typed<Name extends string> {',
    '  get type(): Name;',
    '}',
    '',
    ...named.values(),
    '/** The records of topics by name. */',
    mapOf('RecordTypes', records),
    '/** The rows of stores by name. */',
    mapOf('RowTypes', rows),
  ]
    .join('\n')
    .trimEnd()
    .concat('\n');
}

/** Adds the declarations of `schema` and of what it is made of; one name must always mean the same. */
function collect(schema: Schema, topLevel: ReadonlySet<string>, named: Map<string, string>): void {
  if (typeof schema === 'string') return;
  if (isUnion(schema)) {
    for (const branch of schema) collect(branch, topLevel, named);
  } else if (schema.type === 'array') {
    collect(schema.items, topLevel, named);
  } else if (schema.type === 'record' || schema.type === 'enum') {
    for (const field of schema.fields ?? []) collect(field.type, topLevel, named);
    const text = schema.type === 'enum' ? enumOf(schema) : interfaceOf(schema, topLevel.has(schema.name));
    if ((named.get(schema.name) ?? text) !== text) throw new Error(`two definitions of ${schema.name}`);
    named.set(schema.name, text);
  }
}

function enumOf({ name, doc, symbols = [] }: NamedSchema): string {
  const constant = `${name.replaceAll(/(?<=[a-z])(?=[A-Z])/g, '_').toUpperCase()}_SYMBOLS`;
  const quoted = symbols.map((symbol) => `'${symbol}'`);
  const line = `export const ${constant} = [${quoted.join(', ')}] as const;`;
  const list =
    line.length <= 120 ? line : `export const ${constant} = [\n${quoted.map((q) => `  ${q},\n`).join('')}] as const;`;
  return `${list}\n/** ${doc} */\nexport type ${name} = (typeof ${constant})[number];\n`;
}

function interfaceOf({ name, doc, fields = [] }: NamedSchema, typed: boolean): string {
  const members = fields.map((field) => `  /** ${field.doc} */\n  readonly ${field.name}: ${typeOf(field.type)};\n`);
  const base = typed ? ` extends Typed<'${name}'>` : '';
  return `/** ${doc} */\nexport interface ${name}${base} {\n${members.join('')}}\n`;
}

const PRIMITIVES: Readonly<Record<string, string>> = { int: 'number', long: 'number', double: 'number' };

function typeOf(schema: Schema): string {
  if (typeof schema === 'string') return PRIMITIVES[schema] ?? schema;
  if (isUnion(schema)) return [...schema.filter((s) => s !== 'null').map(typeOf), 'null'].join(' | ');
  if (schema.type === 'array') return `readonly ${typeOf(schema.items)}[]`;
  if (schema.type === 'long') return 'logicalType' in schema && schema.logicalType === 'money' ? 'Money' : 'number';
  return schema.name;
}

function mapOf(name: string, schemas: readonly NamedSchema[]): string {
  const members = schemas.map((schema) => `  readonly ${schema.name}: ${schema.name};\n`);
  return `export interface ${name} {\n${members.join('')}}\n`;
}

function definitionsFile(
  records: readonly NamedSchema[],
  rows: readonly NamedSchema[],
  older: readonly NamedSchema[],
): string {
  return [
    `/** ${HEADER} */`,
    '',
    "import type { RecordTypes, RowTypes } from './types.ts';",
    '',
    '/** The Avro schema of each record of a topic, as it is registered. */',
    '// prettier-ignore',
    `export const RECORD_SCHEMAS: Readonly<Record<keyof RecordTypes, string>> = {\n${entriesOf(records)}};`,
    '',
    '/** The Avro schema of each row of a store. */',
    '// prettier-ignore',
    `export const ROW_SCHEMAS: Readonly<Record<keyof RowTypes, string>> = {\n${entriesOf(rows)}};`,
    '',
    '/** Earlier schemas of rows and records that stores may still hold. */',
    '// prettier-ignore',
    `export const OLDER_SCHEMAS: readonly string[] = [\n${older.map((schema) => `  ${literal(schema)},\n`).join('')}];`,
    '',
  ].join('\n');
}

function entriesOf(schemas: readonly NamedSchema[]): string {
  return schemas.map((schema) => `  ${schema.name}: ${literal(schema)},\n`).join('');
}

function literal(schema: NamedSchema): string {
  return `'${JSON.stringify(schema)
    .replaceAll('\\', '\\\\')
    .replaceAll("'", String.raw`\'`)}'`;
}

function isUnion(schema: Schema): schema is readonly Schema[] {
  return Array.isArray(schema);
}

if (import.meta.main) {
  const folder = new URL('./', import.meta.url);
  for (const [file, text] of Object.entries(generate(folder))) writeFileSync(new URL(file, folder), text as string);
}
