/** The pages for readers: README, ARCHITECTURE, CHANGELOG and docs/. */

import { readFileSync, readdirSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

export const ROOT = fileURLToPath(new URL('../../../', import.meta.url));

export interface Page {
  /** From the root of the repository. */
  readonly path: string;
  readonly text: string;
}

export interface Block {
  /** What stands behind the fence, e.g. `ts`. */
  readonly info: string;
  readonly code: string;
  /** The line before the block, without empty ones. */
  readonly before: string;
}

export function page(path: string): Page {
  return { path, text: readFileSync(`${ROOT}${path}`, 'utf8') };
}

export function pages(): readonly Page[] {
  const inDocs = readdirSync(`${ROOT}docs`, { recursive: true, encoding: 'utf8' })
    .filter((name) => name.endsWith('.md'))
    .map((name) => `docs/${name.replaceAll('\\', '/')}`);
  return ['README.md', 'ARCHITECTURE.md', 'CHANGELOG.md', ...inDocs.sort()].map(page);
}

const BLOCK = /^```(\S[^\n]*)\n([^]*?)\n```$/gm;

export function blocksOf({ text }: Page): readonly Block[] {
  return [...text.matchAll(BLOCK)].map((match) => {
    const before = text.slice(0, match.index).trimEnd().split('\n').at(-1) ?? '';
    return { info: match[1] as string, code: match[2] as string, before };
  });
}

/** The page without its code blocks. */
export function proseOf({ text }: Page): string {
  return text.replaceAll(BLOCK, '');
}
