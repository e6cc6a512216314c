import type { IncomingMessage } from 'node:http';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';

import { SchemaRegistry as OtherClient, SchemaType } from '@kafkajs/confluent-schema-registry';
import type { Clock, ErrorCode } from 'gavel/streams';
import { isGavelError, serializeToBuffer } from 'gavel/streams';
import type { SchemaRegistry } from 'gavel/schemas';
import { avroSerde, openRegistryServer, registryClient } from 'gavel/schemas';
import { expect, onTestFinished, test } from 'vitest';

import { RECORD_SCHEMAS } from '../../../schemas/definitions.ts';
import { BID, VERDICT } from './samples.ts';

type Answer = (request: IncomingMessage) => readonly [status: number, body: unknown] | undefined;

/** A server that answers as told, or never; with what it was asked. */
async function stub(answer: Answer): Promise<{ readonly url: string; readonly asked: string[] }> {
  const asked: string[] = [];
  const server = createServer((request, response) => {
    asked.push(`${request.method} ${request.url}`);
    const reply = answer(request);
    if (reply === undefined) return;
    response.writeHead(reply[0], { 'content-type': 'application/vnd.schemaregistry.v1+json' });
    response.end(JSON.stringify(reply[1]));
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  onTestFinished(() => {
    server.closeAllConnections();
    server.close();
  });
  return { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`, asked };
}

const FOUND: Answer = () => [200, { schema: RECORD_SCHEMAS.BidPlaced }];
const NOT_FOUND: Answer = () => [404, { error_code: 40403, message: 'Schema not found' }];
const BROKEN: Answer = () => [500, { error_code: 50001, message: 'Error in the backend data store' }];

function withCode(code: ErrorCode): unknown {
  return expect.toSatisfy((error: unknown) => isGavelError(error, code));
}

test('all who wait for an id share one request, and later ones need none', async () => {
  const { url, asked } = await stub(FOUND);
  const registry = registryClient({ url });
  await Promise.all([registry.fetch(7), registry.fetch(7), registry.fetch(7)]);
  expect(registry.lookup(7)).toHaveProperty('name', 'gavel.auction.BidPlaced');
  expect(asked).toEqual(['GET /schemas/ids/7']);
});

test('an unknown id is asked for again only after a while', async () => {
  const { url, asked } = await stub(NOT_FOUND);
  let now = 1000;
  const clock: Clock = { now: () => now, setTimer: () => ({ cancel: () => undefined }) };
  const registry = registryClient({ url, clock, unknownForMs: 500 });
  await registry.fetch(7);
  expect(registry.lookup(7)).toMatchObject({ code: 'SCHEMA_UNKNOWN' });
  now = 1499;
  expect(registry.lookup(7)).toMatchObject({ code: 'SCHEMA_UNKNOWN' });
  now = 1500;
  expect(registry.lookup(7)).toBeUndefined();
  await registry.fetch(7);
  expect(registry.lookup(7)).toMatchObject({ code: 'SCHEMA_UNKNOWN' });
  expect(asked).toHaveLength(2);
});

test('a flood of unknown ids is forgotten, oldest first', async () => {
  const { url } = await stub(NOT_FOUND);
  const registry = registryClient({ url });
  for (let id = 1; id <= 1001; id += 1) await registry.fetch(id);
  expect(registry.lookup(1)).toBeUndefined();
  expect(registry.lookup(2)).toMatchObject({ code: 'SCHEMA_UNKNOWN' });
  expect(registry.lookup(1001)).toMatchObject({ code: 'SCHEMA_UNKNOWN' });
});

test('a schema that is not Avro is known to be of no use', async () => {
  const { url } = await stub(() => [200, { schemaType: 'JSON', schema: '{"type":"object"}' }]);
  const registry = registryClient({ url });
  await registry.fetch(7);
  expect(registry.lookup(7)).toMatchObject({ code: 'SCHEMA_INVALID' });
});

test('a failed read is tried again', async () => {
  let fails = 2;
  const { url, asked } = await stub((request) => (fails-- > 0 ? BROKEN(request) : FOUND(request)));
  const registry = registryClient({ url });
  await registry.fetch(7);
  expect(registry.lookup(7)).toHaveProperty('name', 'gavel.auction.BidPlaced');
  expect(asked).toHaveLength(3);
});

test.each([
  ['that is broken', BROKEN, 50],
  ['that refuses the credentials', () => [401, { error_code: 40101, message: 'Unauthorized' }], 50],
  ['that never answers', () => undefined, 50],
] as const)('a registry %s is unavailable, to be tried later', async (_, answer, timeoutMs) => {
  const { url } = await stub(answer as Answer);
  const registry = registryClient({ url, retries: 0, timeoutMs });
  await expect(registry.fetch(7)).rejects.toThrow(withCode('REGISTRY_UNAVAILABLE'));
  await expect(registry.fetch(7)).rejects.toHaveProperty('retry', 'backoff');
  expect(registry.lookup(7)).toBeUndefined();
  await expect(registry.register('a', RECORD_SCHEMAS.BidPlaced)).rejects.toThrow(withCode('REGISTRY_UNAVAILABLE'));
});

test('a registry that is not there is unavailable, and used once it is', async () => {
  const first = await openRegistryServer();
  await first.close();
  const registry = registryClient({ url: first.url, retries: 0 });
  await expect(registry.fetch(1)).rejects.toThrow(withCode('REGISTRY_UNAVAILABLE'));
  await expect(registry.register('a', RECORD_SCHEMAS.BidPlaced)).rejects.toThrow(first.url);
  const again = await openRegistryServer({ port: Number(new URL(first.url).port) });
  onTestFinished(() => again.close());
  const id = await registry.register('a', RECORD_SCHEMAS.BidPlaced);
  await registry.fetch(id);
  expect(registry.lookup(id)).toHaveProperty('name', 'gavel.auction.BidPlaced');
});

test('a schema that is registered already is only looked up, once', async () => {
  const { url, asked } = await stub(() => [200, { subject: 'a', version: 1, id: 7, schema: '' }]);
  const registry = registryClient({ url });
  const ids = [registry.register('a', RECORD_SCHEMAS.User), registry.register('a', RECORD_SCHEMAS.User)];
  expect(await Promise.all(ids)).toEqual([7, 7]);
  expect(await registry.register('a', RECORD_SCHEMAS.User)).toBe(7);
  expect(asked).toEqual(['POST /subjects/a']);
});

test.each(['NONE', 'BACKWARD', 'FULL_TRANSITIVE'])(
  'registers under a subject of level %s and leaves it so',
  async (level) => {
    const server = await openRegistryServer();
    onTestFinished(() => server.close());
    const config = new URL('/config/a', server.url);
    const headers = { 'content-type': 'application/json' };
    await fetch(config, { method: 'PUT', headers, body: JSON.stringify({ compatibility: level }) });
    expect(await registryClient({ url: server.url }).register('a', RECORD_SCHEMAS.User)).toBe(1);
    expect(await (await fetch(config)).json()).toEqual({ compatibilityLevel: level });
  },
);

test('credentials go with every request', async () => {
  const seen = new Set<string | undefined>();
  const { url } = await stub((request) => {
    seen.add(request.headers.authorization);
    if (request.method === 'GET') return [200, { compatibilityLevel: 'BACKWARD' }];
    return request.url === '/subjects/a' ? NOT_FOUND(request) : [200, { id: 7 }];
  });
  const auth = { username: 'gavel', password: 'secret' };
  expect(await registryClient({ url, auth }).register('a', RECORD_SCHEMAS.User)).toBe(7);
  expect([...seen]).toEqual([`Basic ${btoa('gavel:secret')}`]);
});

test('what our serde writes the library reads, and the other way round', async () => {
  const server = await openRegistryServer();
  onTestFinished(() => server.close());
  const registry: SchemaRegistry = registryClient({ url: server.url });
  const other = new OtherClient({ host: server.url });
  const serde = avroSerde({ registry, topic: 't', records: ['BidPlaced', 'BidVerdict'] });
  await serde.prepare();
  const { type: _, ...fields } = VERDICT;
  const bytes = serializeToBuffer(serde, VERDICT);
  expect({ ...(await other.decode(bytes)) }).toEqual(fields);
  const confluent = { type: SchemaType.AVRO, schema: RECORD_SCHEMAS.BidPlaced } as const;
  const { id } = await other.register(confluent, { subject: 't-gavel.auction.BidPlaced' });
  expect(serde.deserialize(await other.encode(id, BID))).toMatchObject({ ...BID });
});
