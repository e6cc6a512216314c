/** The package as a stranger gets it: packed, installed into an empty project, type-checked and run there. */

import { execFileSync } from 'node:child_process';
import { copyFile, cp, readFile, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

import { expect, test } from 'vitest';

import { temporaryFolder } from '../support/run-gavel.ts';

const REPOSITORY = fileURLToPath(new URL('../..', import.meta.url));

/** Without what npm tells its scripts: it would send an inner npm to this repository. */
function run(command: string, args: readonly string[], cwd: string): string {
  const { PATH, HOME } = process.env;
  return execFileSync(command, args, { cwd, encoding: 'utf8', env: { PATH, HOME, NO_COLOR: '1' }, stdio: 'pipe' });
}

/** A copy of what git would clone, so that packing touches nothing here. */
async function copyRepository(to: string): Promise<void> {
  const files = run(
    'git',
    ['ls-files', '--cached', '--others', '--exclude-standard', '--deduplicate', '-z'],
    REPOSITORY,
  );
  for (const file of files.split('\0').filter(Boolean)) {
    await cp(join(REPOSITORY, file), join(to, file), { recursive: true }).catch(ignoreMissing);
  }
  await symlink(join(REPOSITORY, 'node_modules'), join(to, 'node_modules'));
}

/** Deleted, but not committed yet. */
function ignoreMissing(error: NodeJS.ErrnoException): void {
  if (error.code !== 'ENOENT') throw error;
}

test('the word count type-checks and runs in an empty project', async () => {
  await using source = await temporaryFolder();
  await using project = await temporaryFolder();
  await copyRepository(source.path);
  const manifest = await readFile(join(source.path, 'package.json'), 'utf8');
  run('npm', ['pack', '--pack-destination', project.path], source.path);
  expect(await readFile(join(source.path, 'package.json'), 'utf8')).toBe(manifest);

  const { version } = JSON.parse(manifest) as { readonly version: string };
  await writeFile(join(project.path, 'package.json'), '{ "private": true, "type": "module" }');
  run('npm', ['install', '--prefer-offline', '--no-audit', '--no-fund', `./gavel-${version}.tgz`], project.path);
  const installed = join(project.path, 'node_modules', 'gavel');
  await copyFile(join(installed, 'examples', '01-word-count.ts'), join(project.path, 'word-count.ts'));

  const tsc = join(REPOSITORY, 'node_modules', '.bin', 'tsc');
  const flags = ['--noEmit', '--strict', '--module', 'nodenext', '--target', 'es2024', '--skipLibCheck', 'false'];
  expect(run(tsc, [...flags, 'word-count.ts'], project.path)).toBe('');
  expect(run(process.execPath, ['word-count.ts'], project.path)).toMatch(/^dog 2$/m);

  expect(run(join(project.path, 'node_modules', '.bin', 'gavel'), ['--version'], project.path)).toBe(`${version}\n`);
  expect(run(process.execPath, [join(installed, 'bin', 'gavel.js'), 'topology'], project.path)).toContain('judge');
});
