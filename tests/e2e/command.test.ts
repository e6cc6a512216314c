/** The process around the command: which Node runs it, its signals, its exit codes, its idea of where the caller stands. */

import { once } from 'node:events';
import { mkdir, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';

import { expect, test } from 'vitest';

import { GAVEL, lineOf, runGavel, startGavel, temporaryFolder } from '../support/run-gavel.ts';

/** Makes a Node believe to be version 20, but not the one that it starts then. */
const OLD_NODE = [
  '--import',
  `data:text/javascript,${encodeURIComponent(
    "if (process.env.GAVEL_PARENT === undefined) Object.defineProperty(process, 'versions', { value: { ...process.versions, node: '20.11.0' } });",
  )}`,
];
const HOME = dirname(dirname(GAVEL));

test('--version and --help, at once', async () => {
  await using folder = await temporaryFolder();
  const version = await runGavel(['--version'], { cwd: folder.path });
  expect(version.code).toBe(0);
  expect(version.stdout).toMatch(/^\d+\.\d+\.\d+\n$/);
  const help = await runGavel(['ingest', '--help'], { cwd: folder.path });
  expect(help.stdout).toContain('$ gavel ingest --items items.csv');
});

test('exit codes pass through an older Node', async () => {
  await using folder = await temporaryFolder();
  const options = { cwd: folder.path, nodeFlags: OLD_NODE };
  expect((await runGavel(['config', 'show'], options)).code).toBe(0);
  const wrong = await runGavel(['config', 'shwo'], options);
  expect(wrong.code).toBe(2);
  expect(wrong.stderr).toContain('did you mean show?');
});

test('signals pass through an older Node, and the command drains', async () => {
  await using folder = await temporaryFolder();
  const dev = startGavel(['dev', '--port', '0', '--no-simulator'], { cwd: folder.path, nodeFlags: OLD_NODE });
  await lineOf(dev, (line) => line.includes('gavel judges bids'));
  dev.child.kill('SIGINT');
  expect(await dev.exited).toBe(0);
  expect(dev.stderr()).toContain('finishing what was taken');
});

test('kill -9 of the older Node is the end of the command, too', async () => {
  await using folder = await temporaryFolder();
  const dev = startGavel(['dev', '--port', '0', '--no-simulator'], { cwd: folder.path, nodeFlags: OLD_NODE });
  await lineOf(dev, (line) => line.includes('gavel judges bids'));
  dev.child.kill('SIGKILL');
  await once(dev.child, 'exit');
  // `close` comes when the last process with its pipes is gone.
  await dev.exited;
  const again = await runGavel(['status', '--json'], { cwd: folder.path });
  expect(again.code).toBe(0);
  expect(JSON.parse(again.stdout)).toMatchObject({ state: 'stopped' });
});

test('relative paths begin where npm was called, if npm started it', async () => {
  await using folder = await temporaryFolder();
  const called = await runGavel(['config', 'show', '--json'], { cwd: HOME, env: { INIT_CWD: folder.path } });
  expect(JSON.parse(called.stdout)).toMatchObject({ dataDir: { value: join(folder.path, '.gavel/data') } });
  const direct = await runGavel(['config', 'show', '--json'], { cwd: folder.path, env: { INIT_CWD: HOME } });
  expect(JSON.parse(direct.stdout)).toMatchObject({ dataDir: { value: join(folder.path, '.gavel/data') } });
});

test('a reader that leaves early is no error', async () => {
  await using folder = await temporaryFolder();
  const generating = startGavel(['topology'], { cwd: folder.path });
  generating.child.stdout?.destroy();
  expect(await generating.exited).toBe(0);
  expect(generating.stderr()).toBe('');
});

test('a directory without data is refused by those who only read', async () => {
  await using folder = await temporaryFolder();
  const list = await runGavel(['auctions', 'list'], { cwd: folder.path });
  expect(list.code).toBe(2);
  expect(list.stderr).toContain('there are no data in');
  expect(list.stderr).toContain('gavel dev');
});

test('--fresh needs consent, and never removes what is not ours', async () => {
  await using folder = await temporaryFolder();
  const argv = ['dev', '--port', '0', '--no-simulator', '--duration', '10ms'];
  expect((await runGavel(argv, { cwd: folder.path })).code).toBe(0);
  const refused = await runGavel([...argv, '--fresh'], { cwd: folder.path });
  expect(refused.code).toBe(4);
  expect(refused.stderr).toContain('add --yes');
  expect((await runGavel([...argv, '--fresh', '--yes'], { cwd: folder.path })).code).toBe(0);

  await mkdir(join(folder.path, 'photos'));
  await writeFile(join(folder.path, 'photos', 'cat.jpg'), 'meow');
  const foreign = await runGavel([...argv, '--fresh', '--yes', '--data-dir', 'photos'], { cwd: folder.path });
  expect(foreign.code).toBe(1);
  expect(foreign.stderr).toContain('holds no data of gavel');
});

test('doctor finds a machine in order, without data and with', async () => {
  await using folder = await temporaryFolder();
  const before = await runGavel(['doctor', '--json'], { cwd: folder.path });
  expect(JSON.parse(before.stdout)).toMatchObject({ ok: true });
  await runGavel(['dev', '--port', '0', '--rate', '100', '--duration', '2s'], { cwd: folder.path });
  const after = await runGavel(['doctor'], { cwd: folder.path });
  expect(after.code).toBe(0);
  for (const check of ['node', 'directory', 'disk', 'owner', 'registry', 'logs', 'positions', 'state']) {
    expect(after.stdout).toMatch(new RegExp(`^ok +${check} `, 'm'));
  }
});
