/** The contracts of a schema registry: of its REST API, by plain requests, and of our port to it. */

import { GavelError } from 'gavel/streams';
import type { SchemaRegistry } from 'gavel/schemas';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';

import { shortName } from '../../schemas/avro.ts';

export interface RegistryFixture<Subject> {
  /** With nothing registered. */
  readonly registry: Subject;
  dispose(): Promise<void>;
}

interface Field {
  readonly name: string;
  readonly type: unknown;
  readonly default?: unknown;
}

function user(...fields: readonly Field[]): string {
  return JSON.stringify({ type: 'record', name: 'User', namespace: 'test', fields });
}

const ID: Field = { name: 'id', type: 'string' };
const RATING: Field = { name: 'rating', type: 'int' };
const V1 = user(ID);
const V2 = user(ID, { ...RATING, default: 0 });
/** Cannot read V1: the new field has no default. */
const BROKEN = user(ID, RATING);

/** What a request was answered. */
interface Reply {
  readonly status: number;
  readonly body: unknown;
}

/** By plain requests, so that it says of any server whether it is one of these. @param start the address, nothing registered */
export function registryApiContract(name: string, start: () => Promise<RegistryFixture<string>>): void {
  describe(`the registry API: ${name}`, () => {
    let fixture: RegistryFixture<string>;
    beforeEach(async () => {
      fixture = await start();
    });
    afterEach(() => fixture.dispose());

    async function request(method: string, path: string, body?: unknown): Promise<Reply> {
      const headers = { 'content-type': 'application/vnd.schemaregistry.v1+json' };
      const init = body === undefined ? { method, headers } : { method, headers, body: JSON.stringify(body) };
      const response = await fetch(new URL(path, fixture.registry), init);
      expect(response.headers.get('content-type')).toMatch(/^application\/.*json/);
      return { status: response.status, body: await response.json() };
    }
    const register = (subject: string, schema: string) => request('POST', `/subjects/${subject}/versions`, { schema });
    const refusal = (status: number, error_code: number) => ({
      status,
      body: { error_code, message: expect.any(String) as string },
    });

    test('an empty one lists nothing and refuses what is unknown with the documented codes', async () => {
      expect(await request('GET', '/subjects')).toEqual({ status: 200, body: [] });
      expect(await request('GET', '/subjects/a/versions')).toEqual(refusal(404, 40401));
      expect(await request('GET', '/subjects/a/versions/1')).toEqual(refusal(404, 40401));
      expect(await request('POST', '/subjects/a', { schema: V1 })).toEqual(refusal(404, 40401));
      expect(await request('GET', '/schemas/ids/1')).toEqual(refusal(404, 40403));
      expect(await request('DELETE', '/subjects/a')).toEqual(refusal(404, 40401));
    });

    test('ids belong to the schema, versions to the subject', async () => {
      expect(await register('a', V1)).toEqual({ status: 200, body: { id: 1 } });
      expect(await register('a', V2)).toEqual({ status: 200, body: { id: 2 } });
      expect(await register('b', V2)).toEqual({ status: 200, body: { id: 2 } });
      expect(await register('a', JSON.stringify(JSON.parse(V1), null, 4))).toEqual({ status: 200, body: { id: 1 } });
      expect((await request('GET', '/subjects')).body).toEqual(['a', 'b']);
      expect((await request('GET', '/subjects/a/versions')).body).toEqual([1, 2]);
      expect((await request('GET', '/subjects/b/versions/latest')).body).toEqual({
        subject: 'b',
        version: 1,
        id: 2,
        schema: V2,
      });
      expect((await request('GET', '/schemas/ids/2/versions')).body).toEqual([
        { subject: 'a', version: 2 },
        { subject: 'b', version: 1 },
      ]);
      expect((await request('GET', '/schemas/ids/2/subjects')).body).toEqual(['a', 'b']);
      expect((await request('GET', '/schemas/types')).body).toContain('AVRO');
    });

    test('a schema is found by id, by version and by its content', async () => {
      await register('a', V1);
      expect(await request('GET', '/schemas/ids/1')).toEqual({ status: 200, body: { schema: V1 } });
      expect((await request('GET', '/schemas/ids/1/schema')).body).toEqual(JSON.parse(V1));
      expect((await request('GET', '/subjects/a/versions/1/schema')).body).toEqual(JSON.parse(V1));
      const found = { subject: 'a', version: 1, id: 1, schema: V1 };
      expect(await request('POST', '/subjects/a', { schema: V1 })).toEqual({ status: 200, body: found });
      expect(await request('POST', '/subjects/a', { schema: V2 })).toEqual(refusal(404, 40403));
      expect(await request('GET', '/subjects/a/versions/9')).toEqual(refusal(404, 40402));
      expect(await request('GET', '/subjects/a/versions/zero')).toEqual(refusal(422, 42202));
    });

    test('subjects may have any characters', async () => {
      const subject = 'auction.bids-gavel.auction.Bid/ä %';
      await register(encodeURIComponent(subject), V1);
      expect((await request('GET', '/subjects')).body).toEqual([subject]);
      expect((await request('GET', `/subjects/${encodeURIComponent(subject)}/versions`)).body).toEqual([1]);
    });

    test('an invalid schema is refused and registers nothing', async () => {
      for (const schema of ['{"type":"record"}', 'not json', '"nothing"']) {
        expect(await register('a', schema)).toEqual(refusal(422, 42201));
        expect(await request('POST', '/compatibility/subjects/a/versions', { schema })).toEqual(refusal(422, 42201));
      }
      expect((await request('GET', '/subjects')).body).toEqual([]);
    });

    test('BACKWARD by default: an incompatible schema is refused, naming the field', async () => {
      await register('a', V1);
      expect((await request('GET', '/config')).body).toEqual({ compatibilityLevel: 'BACKWARD' });
      const { status, body } = await register('a', BROKEN);
      expect(status).toBe(409);
      expect((body as { message: string }).message).toMatch(/"a".*rating/s);
      expect((await request('GET', '/subjects/a/versions')).body).toEqual([1]);
      expect((await register('elsewhere', BROKEN)).status).toBe(200);
    });

    test('compatibility is told without registering', async () => {
      await register('a', V1);
      const check = (path: string, schema: string) => request('POST', `/compatibility/subjects/${path}`, { schema });
      expect((await check('a/versions/latest', V2)).body).toEqual({ is_compatible: true });
      expect((await check('a/versions/1', BROKEN)).body).toEqual({ is_compatible: false });
      expect((await check('a/versions', BROKEN)).body).toEqual({ is_compatible: false });
      expect((await check('a/versions/latest?verbose=true', BROKEN)).body).toEqual({
        is_compatible: false,
        messages: [expect.stringContaining('rating')],
      });
      expect((await check('unknown/versions/latest', BROKEN)).body).toEqual({ is_compatible: true });
      expect(await check('a/versions/7', V2)).toEqual(refusal(404, 40402));
      expect((await request('GET', '/subjects/a/versions')).body).toEqual([1]);
    });

    test('a subject may have a level of its own', async () => {
      await register('a', V1);
      expect(await request('GET', '/config/a')).toEqual(refusal(404, 40408));
      expect((await request('GET', '/config/a?defaultToGlobal=true')).body).toEqual({ compatibilityLevel: 'BACKWARD' });
      expect((await request('PUT', '/config/a', { compatibility: 'NONE' })).body).toEqual({ compatibility: 'NONE' });
      expect((await request('GET', '/config/a')).body).toEqual({ compatibilityLevel: 'NONE' });
      expect((await register('a', BROKEN)).status).toBe(200);
      expect(await request('PUT', '/config/a', { compatibility: 'SOMETIMES' })).toEqual(refusal(422, 42203));
      expect((await request('DELETE', '/config/a')).status).toBe(200);
      expect(await request('GET', '/config/a')).toEqual(refusal(404, 40408));
    });

    test('the global level holds for all others', async () => {
      await register('a', V2);
      expect((await request('PUT', '/config', { compatibility: 'FORWARD' })).body).toEqual({
        compatibility: 'FORWARD',
      });
      expect((await register('a', user({ ...RATING, default: 0 }))).status).toBe(409);
      expect((await register('a', user(ID, RATING))).status).toBe(200);
    });

    test('a deleted version keeps its id; the next one gets a new number', async () => {
      await register('a', V1);
      await register('a', V2);
      expect(await request('DELETE', '/subjects/a/versions/2')).toEqual({ status: 200, body: 2 });
      expect(await request('GET', '/subjects/a/versions/2')).toEqual(refusal(404, 40402));
      expect((await request('GET', '/subjects/a/versions?deleted=true')).body).toEqual([1, 2]);
      expect((await request('GET', '/schemas/ids/2')).status).toBe(200);
      expect(await request('DELETE', '/subjects/a/versions/2')).toEqual(refusal(404, 40406));
      expect((await register('a', V2)).body).toEqual({ id: 2 });
      expect((await request('GET', '/subjects/a/versions')).body).toEqual([1, 3]);
    });

    test('a subject goes for good in two steps', async () => {
      await register('a', V1);
      await register('a', V2);
      expect(await request('DELETE', '/subjects/a?permanent=true')).toEqual(refusal(404, 40405));
      expect(await request('DELETE', '/subjects/a')).toEqual({ status: 200, body: [1, 2] });
      expect((await request('GET', '/subjects')).body).toEqual([]);
      expect((await request('GET', '/subjects?deleted=true')).body).toEqual(['a']);
      expect(await request('DELETE', '/subjects/a')).toEqual(refusal(404, 40404));
      expect(await request('DELETE', '/subjects/a?permanent=true')).toEqual({ status: 200, body: [1, 2] });
      expect((await request('GET', '/subjects?deleted=true')).body).toEqual([]);
      expect((await register('a', BROKEN)).status).toBe(200);
    });

    test('registering the same at once gives one version', async () => {
      const replies = await Promise.all(Array.from({ length: 20 }, () => register('a', V1)));
      expect(replies).toEqual(Array.from({ length: 20 }, () => ({ status: 200, body: { id: 1 } })));
      expect((await request('GET', '/subjects/a/versions')).body).toEqual([1]);
    });

    test('other requests are refused', async () => {
      expect((await request('GET', '/nothing')).status).toBe(404);
      expect((await request('DELETE', '/subjects')).status).toBe(405);
      const plain = await fetch(new URL('/subjects/a/versions', fixture.registry), { method: 'POST', body: V1 });
      expect(plain.status).toBe(415);
    });
  });
}

/** Of our port. @param make a registry with nothing registered */
export function registryContract(name: string, make: () => Promise<RegistryFixture<SchemaRegistry>>): void {
  describe(`the registry port: ${name}`, () => {
    let fixture: RegistryFixture<SchemaRegistry>;
    let registry: SchemaRegistry;
    beforeEach(async () => {
      fixture = await make();
      registry = fixture.registry;
    });
    afterEach(() => fixture.dispose());

    const failure = async (call: Promise<unknown>): Promise<GavelError> => {
      const error: unknown = await call.then(
        () => undefined,
        (reason: unknown) => reason,
      );
      expect(error).toBeInstanceOf(GavelError);
      return error as GavelError;
    };

    test('the same schema has one id, under one subject or two', async () => {
      const id = await registry.register('a', V1);
      expect(await Promise.all([registry.register('a', V1), registry.register('b', V1)])).toEqual([id, id]);
      expect(await registry.register('a', V2)).not.toBe(id);
    });

    test('an incompatible schema is refused with subject, field and what to do', async () => {
      await registry.register('a', V1);
      const error = await failure(registry.register('a', BROKEN));
      expect(error.code).toBe('SCHEMA_INCOMPATIBLE');
      expect(error.message).toMatch(/^a: .*User\.rating/s);
      expect(error.hint).toBeDefined();
    });

    test('after a refusal the next schema is registered', async () => {
      await registry.register('a', V1);
      await failure(registry.register('a', BROKEN));
      expect(await registry.register('a', V2)).toBeGreaterThan(0);
    });

    test('what is no schema is refused', async () => {
      expect((await failure(registry.register('a', '{"type":"record"}'))).code).toBe('SCHEMA_INVALID');
    });

    test('a schema is there once it was fetched', async () => {
      const id = await registry.register('a', V1);
      await registry.fetch(id);
      const type = registry.lookup(id);
      expect(type).not.toBeInstanceOf(GavelError);
      expect(shortName(type as never)).toBe('User');
      expect(registry.lookup(id)).toBe(type);
    });

    test('an id that nobody registered is known to be unknown', async () => {
      await registry.fetch(4711);
      expect(registry.lookup(4711)).toMatchObject({ code: 'SCHEMA_UNKNOWN' });
    });
  });
}
