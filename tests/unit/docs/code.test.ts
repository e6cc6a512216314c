/** The code of the pages: taken from the examples, or a program that type-checks and prints what its page says. */

import { execFile } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { expect, test } from 'vitest';
import { avroSerdes, memoryRegistry } from 'gavel/schemas';
import { describe as describeTopology } from 'gavel/streams';
import { auctionTopology } from '../../../topology/index.ts';
import { auctionTopics } from '../../../topology/topics.ts';
import { ROOT, blocksOf, page, pages } from './pages.ts';

const run = promisify(execFile);
const bundledNode = join(ROOT, 'node_modules/.bin/node');
/** Vitest itself may run on a Node that cannot run TypeScript. */
const node = existsSync(bundledNode) ? bundledNode : process.execPath;

/** Its blocks together are one program. */
const QUICKSTART = page('docs/quickstart.md');

test('code elsewhere than in the quickstart is that of an example', () => {
  const blocks = pages()
    .filter(({ path }) => path !== QUICKSTART.path)
    .flatMap((from) => blocksOf(from).map((block) => ({ ...block, path: from.path })))
    .filter(({ info }) => info === 'ts');
  expect(blocks.map(({ path }) => path)).toContain('README.md');
  for (const { before, code } of blocks) {
    const [, file] = /^<!-- from (examples\/\S+\.ts) -->$/.exec(before) ?? [];
    expect(file, `the line before "${code.slice(0, 40)}" says where it comes from`).toBeDefined();
    expect(readFileSync(join(ROOT, file as string), 'utf8')).toContain(code);
  }
});

test('the quickstart type-checks, and prints what it says', { timeout: 60_000 }, async () => {
  const blocks = blocksOf(QUICKSTART);
  const program = blocks.filter(({ info }) => info === 'ts').map(({ code }) => code);
  const output = blocks.find(({ info }) => info === 'text output')?.code;
  // Within the repository, so that it finds the package by its name; reports/ is no part of it.
  await mkdir(join(ROOT, 'reports'), { recursive: true });
  const folder = await mkdtemp(join(ROOT, 'reports/quickstart-'));
  const place = await mkdtemp(join(tmpdir(), 'gavel-quickstart-'));
  try {
    await writeFile(join(folder, 'parcels.ts'), program.join('\n'));
    await writeFile(join(folder, 'tsconfig.json'), '{ "extends": "../../tsconfig.json", "include": ["*.ts"] }');
    const checked = await run(node, [join(ROOT, 'node_modules/typescript/bin/tsc'), '-p', folder]).catch(
      (error: { readonly stdout: string }) => error,
    );
    expect(checked.stdout).toBe('');
    const { stdout, stderr } = await run(node, [join(folder, 'parcels.ts')], { cwd: place });
    expect(stdout.trim()).toBe(output);
    expect(stderr).toBe('');
  } finally {
    await rm(folder, { recursive: true });
    await rm(place, { recursive: true });
  }
});

test('the topology of the README is what the command prints', () => {
  const serdes = avroSerdes(memoryRegistry());
  const topology = auctionTopology({ topics: auctionTopics(serdes), serdes });
  const drawn = blocksOf(page('README.md')).find(({ info }) => info === 'mermaid')?.code;
  expect(drawn).toBe(describeTopology(topology, 'mermaid'));
});
