/** Programs of real services from Maven, at pinned versions with pinned checksums, in a cache outside of the tree. */

import { execFile } from 'node:child_process';
import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { mkdir, mkdtemp, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { homedir, tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';

const run = promisify(execFile);

const CACHE = join(homedir(), '.cache', 'gavel-services');
const DOWNLOAD_TIMEOUT_MS = 600_000;

export interface MavenPackages {
  /** Names the folder in the cache and the list of checksums beside this file. */
  readonly name: string;
  /** `group:artifact:version`; what they depend on comes along. */
  readonly artifacts: readonly string[];
}

/** The folder with the jars, downloaded if they are not there. @throws Error that says what is missing */
export async function mavenPackages({ name, artifacts }: MavenPackages): Promise<string> {
  const folder = join(CACHE, name);
  const expected = await checksums(name);
  const before = await differences(folder, expected);
  if (before.length === 0) return folder;
  await download(folder, artifacts);
  const after = await differences(folder, expected);
  if (after.length > 0) {
    throw new Error(`the packages of ${name} in ${folder} are not those that were pinned: ${after.join(', ')}`);
  }
  return folder;
}

/** @throws Error where the program is missing */
export async function requireProgram(program: string, argument: string, why: string): Promise<void> {
  try {
    await run(program, [argument]);
  } catch (error) {
    throw new Error(`${program} is missing: ${why}`, { cause: error });
  }
}

async function checksums(name: string): Promise<ReadonlyMap<string, string>> {
  const list = await readFile(new URL(`${name}.sha256`, import.meta.url), 'utf8');
  return new Map(
    list
      .trim()
      .split('\n')
      .map((line) => {
        const [sum = '', file = ''] = line.split(/\s+/);
        return [file, sum];
      }),
  );
}

/** Files that are missing or not what they should be. */
async function differences(folder: string, expected: ReadonlyMap<string, string>): Promise<string[]> {
  const found = await Promise.all(
    [...expected].map(async ([file, sum]) => {
      const actual = await sha256(join(folder, file)).catch(() => 'missing');
      return actual === sum ? [] : [file];
    }),
  );
  return found.flat();
}

async function sha256(file: string): Promise<string> {
  const hash = createHash('sha256');
  for await (const chunk of createReadStream(file)) hash.update(chunk as Buffer);
  return hash.digest('hex');
}

async function download(folder: string, artifacts: readonly string[]): Promise<void> {
  await requireProgram('mvn', '--version', 'Maven downloads the services that the tests run against');
  const work = await mkdtemp(join(tmpdir(), 'gavel-services-'));
  try {
    await writeFile(join(work, 'pom.xml'), pom(artifacts));
    const arguments_ = ['-q', '-B', '-f', join(work, 'pom.xml'), 'dependency:copy-dependencies'];
    await run('mvn', [...arguments_, `-DoutputDirectory=${join(work, 'jars')}`], { timeout: DOWNLOAD_TIMEOUT_MS });
    await mkdir(CACHE, { recursive: true });
    await rm(folder, { recursive: true, force: true });
    await moveFolder(join(work, 'jars'), folder);
  } finally {
    await rm(work, { recursive: true, force: true });
  }
}

/** Across file systems too. */
async function moveFolder(from: string, to: string): Promise<void> {
  try {
    await rename(from, to);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EXDEV') throw error;
    await run('cp', ['-r', from, to]);
  }
}

function pom(artifacts: readonly string[]): string {
  const dependencies = artifacts.map((artifact) => {
    const [group, name, version] = artifact.split(':');
    return `<dependency><groupId>${group}</groupId><artifactId>${name}</artifactId><version>${version}</version></dependency>`;
  });
  return [
    '<project xmlns="http://maven.apache.org/POM/4.0.0"><modelVersion>4.0.0</modelVersion>',
    '<groupId>gavel</groupId><artifactId>services</artifactId><version>1</version>',
    `<dependencies>${dependencies.join('')}</dependencies></project>`,
  ].join('');
}
