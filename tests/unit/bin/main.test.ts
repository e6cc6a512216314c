import { GavelError } from 'gavel/streams';
import { expect, test } from 'vitest';

import { defineCommand } from '../../../bin/command.ts';
import { main } from '../../../bin/main.ts';
import { printJson } from '../../../bin/print.ts';
import { EXIT } from '../../../bin/world.ts';
import { fakeWorld } from '../../support/fake-world.ts';

const echo = defineCommand({
  name: 'test echo',
  summary: 'Print what was given.',
  example: 'gavel test echo word --from earliest',
  argument: { name: '<word>', summary: 'a word' },
  settings: ['dataDir', 'port'],
  options: {
    from: { flag: '--from <start>', summary: 'where to begin', default: 'latest' },
    untilEnd: { flag: '--until-end', summary: 'stop at the end' },
  },
  async run({ world, argument, options, settings, json }) {
    if (argument === 'interrupted') world.interrupted.throwIfAborted();
    if (argument === 'full') throw new GavelError('STORAGE_FULL', 'the disk is full', { hint: 'make room' });
    if (argument === 'fault') throw new TypeError('a fault');
    printJson(world, { argument, from: options.from, untilEnd: options.untilEnd, port: settings.port, json });
    return EXIT.OK;
  },
});
const commands = [echo];

test('hands argument, options and settings to the command', async () => {
  const world = fakeWorld({ env: { GAVEL_PORT: '9' } });
  expect(await main(['test', 'echo', 'hi', '--until-end', '--json'], world, commands)).toBe(0);
  expect(JSON.parse(world.out())).toEqual({ argument: 'hi', from: 'latest', untilEnd: true, port: 9, json: true });
  expect(world.err()).toBe('');
});

test.each([
  [['tset'], "unknown command 'tset'", 'did you mean test?'],
  [['test', 'ecoh', 'x'], "unknown command 'ecoh'", 'did you mean echo?'],
  [['test', 'echo', 'x', '--untilend'], "unknown option '--untilend'", 'did you mean --until-end?'],
  [['test', 'echo'], "missing required argument 'word'", 'see --help'],
  [['test', 'echo', 'a', 'b'], 'too many arguments', 'see --help'],
  [['test', 'echo', 'a', '--log-level', 'warn'], "unknown option '--log-level'", 'see --help'],
  [['test', 'echo', 'a', '--port', 'x'], '--port must be a whole number', 'error OPTION_INVALID'],
  [['test', 'echo', 'a', '--config', 'missing.json'], 'cannot read the settings file', '--config'],
])('%j is a usage error', async (argv, message, hint) => {
  const world = fakeWorld();
  expect(await main(argv, world, commands)).toBe(EXIT.USAGE);
  expect(world.out()).toBe('');
  expect(world.err()).toContain(message);
  expect(world.err()).toContain(hint);
});

test('--help shows the flags, the settings with their variables, and an example', async () => {
  const world = fakeWorld();
  expect(await main(['test', 'echo', '--help'], world, commands)).toBe(0);
  expect(world.out()).toContain('--until-end');
  expect(world.out()).toContain('GAVEL_DATA_DIR');
  expect(world.out()).toContain('$ gavel test echo word --from earliest');
});

test('a noun without a verb prints the verbs and is a usage error', async () => {
  const world = fakeWorld();
  expect(await main(['test'], world, commands)).toBe(EXIT.USAGE);
  expect(world.err()).toContain('echo');
});

test('an error of ours: code, sentence, fix, and its exit code', async () => {
  const world = fakeWorld();
  expect(await main(['test', 'echo', 'full'], world, commands)).toBe(EXIT.UNREACHABLE);
  expect(world.err()).toBe('error STORAGE_FULL: the disk is full\n  fix: make room\n');
});

test('any other error shows where it came from', async () => {
  const world = fakeWorld();
  expect(await main(['test', 'echo', 'fault'], world, commands)).toBe(EXIT.CHECK_FAILED);
  expect(world.err()).toContain('TypeError: a fault');
  expect(world.err()).toContain('main.test.ts');
});

test('a command that was interrupted leaves with 130', async () => {
  const world = fakeWorld();
  world.interrupt();
  expect(await main(['test', 'echo', 'interrupted'], world, commands)).toBe(EXIT.INTERRUPTED);
  expect(world.err()).toBe('');
});
