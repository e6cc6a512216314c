/** The Confluent REST API as a table: method, path, answer. */

import { Refusal } from './registry-catalog.ts';
import type { RegistryStore } from './registry-store.ts';

export interface RegistryRequest {
  /** What stands for the `:name`s of the path, in their order. */
  readonly names: readonly string[];
  readonly query: URLSearchParams;
  readonly body: Readonly<Record<string, unknown>>;
}

/** Answers the JSON body; throws a Refusal with a documented code. */
type Answer = (store: RegistryStore, request: RegistryRequest) => unknown;

interface Route {
  readonly method: string;
  readonly path: RegExp;
  readonly answer: Answer;
}

const ROUTES: readonly Route[] = [
  route('GET', '/', () => ({})),
  route('GET', '/schemas/types', () => ['AVRO']),
  route('GET', '/schemas/ids/:id', ({ catalog }, { names: [id] }) => ({ schema: catalog.schema(Number(id)) })),
  route('GET', '/schemas/ids/:id/schema', ({ catalog }, { names: [id] }) => JSON.parse(catalog.schema(Number(id)))),
  route('GET', '/schemas/ids/:id/subjects', ({ catalog }, { names: [id] }) =>
    catalog.uses(Number(id)).map(({ subject }) => subject),
  ),
  route('GET', '/schemas/ids/:id/versions', ({ catalog }, { names: [id] }) =>
    catalog.uses(Number(id)).map(({ subject, version }) => ({ subject, version })),
  ),

  route('GET', '/subjects', ({ catalog }, { query }) => catalog.subjects(isSet(query, 'deleted'))),
  route('GET', '/subjects/:subject/versions', ({ catalog }, { names: [subject = ''], query }) =>
    catalog.versions(subject, isSet(query, 'deleted')).map(({ version }) => version),
  ),
  route(
    'GET',
    '/subjects/:subject/versions/:version',
    ({ catalog }, { names: [subject = '', version = ''], query }) => {
      const { id, version: number, schema } = catalog.version(subject, version, isSet(query, 'deleted'));
      return { subject, version: number, id, schema };
    },
  ),
  route('GET', '/subjects/:subject/versions/:version/schema', ({ catalog }, { names: [subject = '', version = ''] }) =>
    JSON.parse(catalog.version(subject, version).schema),
  ),
  route('POST', '/subjects/:subject', ({ catalog }, { names: [subject = ''], query, body }) => {
    const { id, version, schema } = catalog.find(subject, schemaOf(body), isSet(query, 'deleted'));
    return { subject, version, id, schema };
  }),
  route('POST', '/subjects/:subject/versions', (store, { names: [subject = ''], body }) =>
    store.change((catalog) => catalog.register(subject, schemaOf(body))),
  ),
  route('DELETE', '/subjects/:subject', (store, { names: [subject = ''], query }) =>
    store.change((catalog) => catalog.deleteSubject(subject, isSet(query, 'permanent'))),
  ),
  route('DELETE', '/subjects/:subject/versions/:version', (store, { names: [subject = '', version = ''], query }) =>
    store.change((catalog) => catalog.deleteVersion(subject, version, isSet(query, 'permanent'))),
  ),

  route('POST', '/compatibility/subjects/:subject/versions', ({ catalog }, { names: [subject = ''], query, body }) =>
    compatibility(catalog.check(subject, schemaOf(body)), query),
  ),
  route(
    'POST',
    '/compatibility/subjects/:subject/versions/:version',
    ({ catalog }, { names: [subject = '', version = ''], query, body }) =>
      compatibility(catalog.check(subject, schemaOf(body), version), query),
  ),

  route('GET', '/config', ({ catalog }) => ({ compatibilityLevel: catalog.level(null, true) })),
  route('PUT', '/config', (store, { body }) => store.change((catalog) => catalog.setLevel(null, levelOf(body)))),
  route('DELETE', '/config', (store) => store.change((catalog) => catalog.removeLevel(null))),
  route('GET', '/config/:subject', ({ catalog }, { names: [subject = ''], query }) => ({
    compatibilityLevel: catalog.level(subject, isSet(query, 'defaultToGlobal')),
  })),
  route('PUT', '/config/:subject', (store, { names: [subject = ''], body }) =>
    store.change((catalog) => catalog.setLevel(subject, levelOf(body))),
  ),
  route('DELETE', '/config/:subject', (store, { names: [subject = ''] }) =>
    store.change((catalog) => catalog.removeLevel(subject)),
  ),
];

export interface MatchedRoute {
  readonly answer: Answer;
  readonly names: readonly string[];
}

/** @throws Refusal 404, 405 */
export function routeOf(method: string, pathname: string): MatchedRoute {
  let known = false;
  for (const { method: expected, path, answer } of ROUTES) {
    const match = path.exec(pathname);
    if (match === null) continue;
    known = true;
    if (expected === method) return { answer, names: match.slice(1).map(decodeURIComponent) };
  }
  throw known ? new Refusal(405, 'HTTP 405 Method Not Allowed') : new Refusal(404, 'HTTP 404 Not Found');
}

function route(method: string, path: string, answer: Answer): Route {
  return { method, path: new RegExp(`^${path.replaceAll(/:\w+/g, '([^/]+)')}/?$`), answer };
}

function isSet(query: URLSearchParams, name: string): boolean {
  return query.get(name) === 'true';
}

function schemaOf(body: Readonly<Record<string, unknown>>): string {
  const { schema, schemaType = 'AVRO', references = [] } = body;
  if (typeof schema !== 'string') throw new Refusal(42201, 'Invalid schema: the body has no text under "schema"');
  if (schemaType !== 'AVRO')
    throw new Refusal(42201, `Invalid schema type ${String(schemaType)}: this registry takes AVRO`);
  if (!Array.isArray(references) || references.length > 0)
    throw new Refusal(42201, 'This registry takes no references');
  return schema;
}

function levelOf({ compatibility: level }: Readonly<Record<string, unknown>>): string {
  return typeof level === 'string' ? level : '';
}

function compatibility(faults: readonly string[], query: URLSearchParams): unknown {
  const messages = isSet(query, 'verbose') ? { messages: faults } : {};
  return { is_compatible: faults.length === 0, ...messages };
}
