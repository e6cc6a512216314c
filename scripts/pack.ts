/**
 * What npm runs around `npm pack`: before it, JavaScript and declarations into dist/ and `exports` that point there;
 * after it, package.json as it was. In a checkout `exports` name the sources, so that nothing has to be built or switched on.
 */

import { execFileSync } from 'node:child_process';
import { existsSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';

const MANIFEST = 'package.json';
const ORIGINAL = '.package.json.original';

if (process.argv[2] === 'before') before();
else after();

function before(): void {
  after(); // an earlier run may have been interrupted
  rmSync('dist', { recursive: true, force: true });
  execFileSync('tsc', ['-p', 'tsconfig.build.json'], { stdio: 'inherit', shell: process.platform === 'win32' });
  const text = readFileSync(MANIFEST, 'utf8');
  const manifest = JSON.parse(text) as { exports: Record<string, unknown> };
  for (const [name, target] of Object.entries(manifest.exports)) {
    const entry = built(target);
    if (entry === undefined) continue;
    manifest.exports[name] = entry;
    // The public types name Buffer: a program that imports them needs Node's types, whatever its own tsconfig says.
    writeFileSync(entry.types, `/// <reference types="node" />\n${readFileSync(entry.types, 'utf8')}`);
  }
  writeFileSync(ORIGINAL, text);
  writeFileSync(MANIFEST, `${JSON.stringify(manifest, null, 2)}\n`);
}

function after(): void {
  if (existsSync(ORIGINAL)) renameSync(ORIGINAL, MANIFEST);
}

/** What tsc makes of `./streams/index.ts`; undefined for what is no source. */
function built(target: unknown): { readonly types: string; readonly default: string } | undefined {
  if (typeof target !== 'string' || !target.endsWith('.ts')) return undefined;
  const base = `./dist/${target.slice(2, -'.ts'.length)}`;
  return { types: `${base}.d.ts`, default: `${base}.js` };
}
