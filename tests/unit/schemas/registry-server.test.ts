import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { isGavelError } from 'gavel/streams';
import { openRegistryServer } from 'gavel/schemas';
import { beforeEach, describe, expect, onTestFinished, test } from 'vitest';

const SCHEMAS = ['int', 'long', 'string'].map((type) =>
  JSON.stringify({ type: 'record', name: 'R', fields: [{ name: 'x', type, default: type === 'string' ? '' : 0 }] }),
);
const [INT = '', LONG = ''] = SCHEMAS;

async function open(directory: string) {
  const server = await openRegistryServer({ directory });
  onTestFinished(() => server.close());
  const call = async (method: string, path: string, body?: unknown): Promise<unknown> => {
    const headers = { 'content-type': 'application/json' };
    const init = body === undefined ? { method } : { method, headers, body: JSON.stringify(body) };
    return (await fetch(new URL(path, server.url), init)).json();
  };
  return {
    server,
    call,
    register: (subject: string, schema: string) => call('POST', `/subjects/${subject}/versions`, { schema }),
  };
}

describe('in a directory', () => {
  let directory: string;
  let file: string;

  beforeEach(async () => {
    const root = await mkdtemp(join(tmpdir(), 'gavel-registry-'));
    directory = join(root, 'made', 'when', 'missing');
    file = join(directory, 'schemas.jsonl');
    return () => rm(root, { recursive: true });
  });

  test('everything is there again after a restart', async () => {
    const before = await open(directory);
    await before.register('a', INT);
    await before.register('a', LONG);
    await before.register('b', INT);
    await before.register('gone', INT);
    await before.call('DELETE', '/subjects/gone');
    await before.call('DELETE', '/subjects/gone?permanent=true');
    await before.call('DELETE', '/subjects/a/versions/1');
    await before.call('PUT', '/config/b', { compatibility: 'FULL' });
    await before.call('PUT', '/config', { compatibility: 'NONE' });
    await before.server.close();

    const after = await open(directory);
    expect(await after.call('GET', '/subjects?deleted=true')).toEqual(['a', 'b']);
    expect(await after.call('GET', '/subjects/a/versions')).toEqual([2]);
    expect(await after.call('GET', '/schemas/ids/2')).toEqual({ schema: LONG });
    expect(await after.call('GET', '/config/b')).toEqual({ compatibilityLevel: 'FULL' });
    expect(await after.call('GET', '/config')).toEqual({ compatibilityLevel: 'NONE' });
    expect(await after.register('c', LONG)).toEqual({ id: 2 });
    expect(await after.register('c', SCHEMAS[2] ?? '')).toEqual({ id: 3 });
  });

  test('a change that a crash cut off is as if it had not been', async () => {
    const before = await open(directory);
    await before.register('a', INT);
    await before.register('a', LONG);
    await before.server.close();
    const whole = await readFile(file);
    const first = whole.indexOf('\n') + 1;
    for (let length = first; length < whole.length; length += 7) {
      await writeFile(file, whole.subarray(0, length));
      const after = await open(directory);
      expect(await after.call('GET', '/subjects/a/versions')).toEqual([1]);
      expect(await after.register('a', LONG)).toEqual({ id: 2 });
      await after.server.close();
      expect(await readFile(file)).toEqual(whole);
    }
  });

  test('a damaged line is named, not skipped', async () => {
    const before = await open(directory);
    await before.register('a', INT);
    await before.register('a', LONG);
    await before.server.close();
    const text = await readFile(file, 'utf8');
    await writeFile(file, text.replace('{', '<'));
    await expect(openRegistryServer({ directory })).rejects.toThrow('schemas.jsonl:1 is not a line');
    await expect(openRegistryServer({ directory })).rejects.toThrow(
      expect.toSatisfy((error: unknown) => isGavelError(error, 'LOG_CORRUPT')),
    );
    expect(await readFile(file, 'utf8')).toBe(text.replace('{', '<'));
  });

  test('registering what is there already writes nothing', async () => {
    const { register } = await open(directory);
    await register('a', INT);
    const text = await readFile(file, 'utf8');
    await register('a', INT);
    expect(await readFile(file, 'utf8')).toBe(text);
    expect(text.split('\n')).toHaveLength(2);
  });
});

test('listens on the loopback address only, on the port asked for', async () => {
  const first = await openRegistryServer();
  onTestFinished(() => first.close());
  const { hostname, port } = new URL(first.url);
  expect(hostname).toBe('127.0.0.1');
  await expect(openRegistryServer({ port: Number(port) })).rejects.toThrow(
    expect.toSatisfy((error: unknown) => isGavelError(error, 'OPTION_INVALID')),
  );
  await first.close();
  const second = await openRegistryServer({ port: Number(port) });
  onTestFinished(() => second.close());
  expect(second.url).toBe(first.url);
});

test('a request that is too large, no JSON or badly encoded is refused', async () => {
  const server = await openRegistryServer();
  onTestFinished(() => server.close());
  const post = async (body: string, path = '/subjects/a/versions') => {
    const headers = { 'content-type': 'application/json' };
    return (await fetch(`${server.url}${path}`, { method: 'POST', headers, body })).status;
  };
  expect(await post('x'.repeat((1 << 20) + 1))).toBe(413);
  expect(await post('{')).toBe(400);
  expect(await post('null')).toBe(400);
  expect(await post('{}', '/subjects/%ff/versions')).toBe(400);
  expect(await post('{"schema":"\\"int\\"","schemaType":"JSON"}')).toBe(422);
  expect(await post('{"schema":"\\"int\\"","references":[{"name":"a","subject":"b","version":1}]}')).toBe(422);
});
