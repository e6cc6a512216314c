import { expect, test } from 'vitest';

import { resolveSettings } from '../../../bin/settings.ts';

const nothing = { flags: {}, env: {}, directory: '/home/me', file: undefined };

test('needs none: defaults, with the data directory under the caller', () => {
  const { values, sources } = resolveSettings(nothing);
  expect(values.dataDir).toBe('/home/me/.gavel/data');
  expect(values.port).toBe(8080);
  expect(sources.port).toBe('default');
});

test('a flag stands over the environment, the environment over the file', () => {
  const file = '{"port": 1, "dataDir": "from-file", "durability": "power"}';
  const env = { GAVEL_PORT: '2', GAVEL_DATA_DIR: 'from-env', OTHER: 'x' };
  const { values, sources } = resolveSettings({ ...nothing, flags: { port: '3' }, env, file });
  expect(values).toMatchObject({ port: 3, dataDir: '/home/me/from-env', durability: 'power' });
  expect(sources).toMatchObject({ port: 'flag', dataDir: 'environment', durability: 'file', logLevel: 'default' });
});

test('an empty variable counts as not set', () => {
  expect(resolveSettings({ ...nothing, env: { GAVEL_PORT: '' } }).sources.port).toBe('default');
});

test('an absolute data directory stays as it is', () => {
  expect(resolveSettings({ ...nothing, flags: { dataDir: '/var/gavel' } }).values.dataDir).toBe('/var/gavel');
});

test('refuses an unknown setting or variable and says which was meant', () => {
  expect(() => resolveSettings({ ...nothing, file: '{"dataDri": "x"}' })).toThrowError(
    expect.objectContaining({ code: 'OPTION_INVALID', hint: 'did you mean dataDir?' }),
  );
  expect(() => resolveSettings({ ...nothing, env: { GAVEL_PROT: '1' } })).toThrowError(
    expect.objectContaining({ code: 'OPTION_INVALID', hint: 'did you mean GAVEL_PORT?' }),
  );
});

test.each([
  [{ flags: { port: '65536' } }, '--port must be a whole number from 0 to 65535'],
  [{ flags: { port: '80a' } }, '--port must be'],
  [{ env: { GAVEL_DURABILITY: 'powr' } }, 'GAVEL_DURABILITY must be one of power, process'],
  [{ file: 'port: 8080' }, 'no JSON'],
  [{ file: '[1]' }, 'no JSON object'],
])('refuses %o', (given, message) => {
  expect(() => resolveSettings({ ...nothing, ...given })).toThrowError(message);
});
