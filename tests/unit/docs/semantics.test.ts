/** docs/semantics.md: every rule is there, and every test that it names exists. */

import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { ROOT, page } from './pages.ts';

const { text } = page('docs/semantics.md');

interface Rule {
  readonly number: number;
  readonly text: string;
  readonly tests: readonly { readonly file: string; readonly name: string }[];
}

const rules: readonly Rule[] = text
  .split(/^### /m)
  .slice(1)
  .map((section) => ({
    number: Number.parseInt(section, 10),
    text: section,
    tests: testsOf(section),
  }));

function testsOf(section: string): { readonly file: string; readonly name: string }[] {
  return [...section.matchAll(/^- `(\S+)` → (.+)$/gm)].map(([, file, name]) => ({
    file: file as string,
    name: name as string,
  }));
}

test('every rule has its number, its words and, unless it is to come, its tests', () => {
  expect(rules.map(({ number }) => number)).toEqual(Array.from({ length: 27 }, (_, i) => i + 1));
  for (const rule of rules) {
    const toCome = /\n\n(Later|With Kafka)\b/.test(rule.text);
    if (!toCome) expect(rule.tests.length, `tests of rule ${rule.number}`).toBeGreaterThan(0);
  }
});

test('every test that is named exists', () => {
  const named = testsOf(text);
  expect(named.length).toBeGreaterThan(60);
  for (const { file, name } of named) {
    expect(existsSync(join(ROOT, file)), file).toBe(true);
    const source = readFileSync(join(ROOT, file), 'utf8').replaceAll("\\'", "'");
    expect(source.includes(name), `${file} → ${name}`).toBe(true);
  }
});
