/** Every link and every path that the pages name leads somewhere. */

import { existsSync, readdirSync } from 'node:fs';
import { dirname, join, normalize } from 'node:path';
import { describe, expect, test } from 'vitest';
import { ROOT, pages, proseOf } from './pages.ts';
import type { Page } from './pages.ts';

const ALL = pages();

/** As GitHub makes them of headings. */
function anchorsOf({ text }: Page): ReadonlySet<string> {
  const headings = [...text.matchAll(/^#+ (.*)$/gm)].map(([, heading]) => heading as string);
  return new Set(
    headings.map((heading) =>
      heading
        .toLowerCase()
        .replaceAll(/[^\p{L}\p{N} _-]/gu, '')
        .replaceAll(' ', '-'),
    ),
  );
}

function brokenLinks(from: Page): readonly string[] {
  const links = [...proseOf(from).matchAll(/\]\(([^)\s]+)\)/g)].map(([, link]) => link as string);
  return links.filter((link) => {
    if (/^https?:/.test(link)) return false;
    const [path = '', anchor] = link.split('#');
    const target = path === '' ? from.path : normalize(join(dirname(from.path), path));
    if (!existsSync(join(ROOT, target))) return true;
    if (anchor === undefined) return false;
    const page = ALL.find((other) => other.path === target);
    return page === undefined || !anchorsOf(page).has(anchor);
  });
}

/** Paths in code font: those that begin with a folder of ours and end like a file. */
function missingPaths(from: Page): readonly string[] {
  const folders = readdirSync(ROOT, { withFileTypes: true }).flatMap((entry) =>
    entry.isDirectory() ? entry.name : [],
  );
  const named = [...proseOf(from).matchAll(/`([\w.-]+\/[\w./-]+\.(?:ts|js|md|avsc|json|svg))`/g)].map(
    ([, path]) => path as string,
  );
  return named.filter((path) => folders.includes(path.split('/')[0] ?? '') && !existsSync(join(ROOT, path)));
}

describe.each(ALL.map((page) => [page.path, page] as const))('%s', (_path, page) => {
  test('has no broken link', () => {
    expect(brokenLinks(page)).toEqual([]);
  });

  test('names no file that is not there', () => {
    expect(missingPaths(page)).toEqual([]);
  });
});

test('the list of decision records is complete', () => {
  const listed = ALL.find(({ path }) => path === 'docs/decisions/README.md')?.text ?? '';
  const records = ALL.filter(({ path }) => /decisions\/\d{4}-/.test(path)).map(({ path }) => path.split('/').at(-1));
  expect(records.length).toBeGreaterThan(0);
  expect(records.filter((record) => !listed.includes(`(${record})`))).toEqual([]);
});
