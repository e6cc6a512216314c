/** What the pages say of the command is true: every command line can be parsed, every command, setting and metric is there. */

import { CommanderError } from 'commander';
import type { Command } from 'commander';
import { describe, expect, test } from 'vitest';
import { buildProgram } from '../../../bin/command.ts';
import { COMMANDS } from '../../../bin/commands/index.ts';
import { Metrics } from '../../../bin/metrics.ts';
import { SETTING_NAMES, settingFlag } from '../../../bin/settings.ts';
import { blocksOf, page, pages } from './pages.ts';

const OPERATIONS = page('docs/operations.md').text;
const README = page('README.md').text;

/** Lines of shell blocks that call the command, without it. */
function commandLines(): readonly string[] {
  const lines = pages()
    .flatMap(blocksOf)
    .filter(({ info }) => info === 'sh')
    .flatMap(({ code }) => code.split('\n'));
  return lines.flatMap((line) => /^(?:npm run -s gavel --|gavel) (.*)$/.exec(line)?.[1] ?? []);
}

/** The name of the command that a line calls. @throws CommanderError where it cannot be parsed */
async function parse(line: string): Promise<string> {
  let called = '';
  const program = buildProgram(COMMANDS, async ({ name }) => void (called = name));
  const quiet = (command: Command): void => {
    command.exitOverride().configureOutput({ writeOut: () => undefined, writeErr: () => undefined });
    command.commands.forEach(quiet);
  };
  quiet(program);
  await program.parseAsync(line.split(' '), { from: 'user' });
  return called;
}

test.each(commandLines())('gavel %s', async (line) => {
  await expect(parse(line)).resolves.not.toBe('');
});

test('a command line that is wrong would be found', async () => {
  await expect(parse('auctions lst')).rejects.toThrow(CommanderError);
  await expect(parse('status --wach')).rejects.toThrow(CommanderError);
});

describe('every command', () => {
  test('has an example in operations.md', async () => {
    const called = await Promise.all(commandLines().map(parse));
    expect(COMMANDS.map(({ name }) => name).filter((name) => !called.includes(name))).toEqual([]);
  });

  test('stands in the table of the README', () => {
    expect(COMMANDS.map(({ name }) => name).filter((name) => !README.includes(`\`${name}\``))).toEqual([]);
  });
});

test('every setting is documented with its flag, its variable and its default', () => {
  for (const name of SETTING_NAMES) {
    const { flag, summary } = settingFlag(name);
    const row = OPERATIONS.split('\n').find((line) => line.startsWith(`| \`${name}\``)) ?? '';
    const [, variable, value] = /\((\w+); default (.*)\)$/.exec(summary) ?? [];
    expect(row).toContain(flag.split(' ')[0]);
    expect(row).toContain(variable);
    expect(row).toContain(value);
  }
});

test('the metrics are those that exist', async () => {
  const text = await new Metrics().text();
  const existing = [...text.matchAll(/^# TYPE gavel_(\w+) /gm)].map(([, name]) => name as string);
  const table = OPERATIONS.slice(OPERATIONS.indexOf('\n## Metrics'), OPERATIONS.indexOf('\n## Start-up'));
  const documented = [...table.matchAll(/`([a-z][a-z0-9]*_\w+)(?:\{[^`]*\})?`/g)].map(([, name]) => name as string);
  expect(documented.filter((name) => name !== 'gavel_').sort()).toEqual([...existing, ...REASONS].sort());
});

/** Values of labels that the table names. */
const REASONS = ['null_key', 'null_value'];
