/** How a command is declared, and how commander gets to know it. */

import { Command, Option } from 'commander';

import type { ResolvedSettings, SettingName, Settings } from './settings.ts';
import { settingFlag } from './settings.ts';
import type { ExitCode, World } from './world.ts';

export interface OptionDefinition {
  /** As commander wants it: `--until-end`, `--from <start>` for one with a value, `--bids <files...>` for one with many. */
  readonly flag: string;
  readonly summary: string;
  readonly default?: string;
}

export interface OptionDefinitions {
  readonly [name: string]: OptionDefinition;
}

/** A flag with a value gives its text, one with many values their texts, one without gives whether it stands there. */
export type OptionValues<O extends OptionDefinitions> = {
  readonly [N in keyof O]: O[N] extends { readonly flag: `${string}<${string}...>` }
    ? readonly string[] | undefined
    : O[N] extends { readonly flag: `${string}<${string}>` }
      ? O[N] extends { readonly default: string }
        ? string
        : string | undefined
      : boolean;
};

/** One run of a command. */
export interface Call<O extends OptionDefinitions> {
  readonly world: World;
  readonly settings: Settings;
  /** Where each setting came from. */
  readonly sources: ResolvedSettings['sources'];
  /** Whether stdout takes JSON only. */
  readonly json: boolean;
  /** The word behind the command's name; empty where it takes none. */
  readonly argument: string;
  readonly options: OptionValues<O>;
}

export interface CommandDefinition<O extends OptionDefinitions = OptionDefinitions> {
  /** Noun and verb, e.g. `topics tail`. */
  readonly name: string;
  readonly summary: string;
  /** A whole command line, shown by `--help`. */
  readonly example: string;
  readonly argument?: { readonly name: string; readonly summary: string };
  /** Settings that may be given as flags. */
  readonly settings: readonly SettingName[];
  /** By the name that commander makes of the flag: `--until-end` is `untilEnd`. */
  readonly options: O;
  run(call: Call<O>): Promise<ExitCode>;
}

/** Only there for the types: the options of `run` follow from the flags. */
export function defineCommand<const O extends OptionDefinitions>(
  definition: CommandDefinition<O>,
): CommandDefinition<O> {
  return definition;
}

/** What commander found on the command line. */
export interface ParsedCall {
  readonly argument: string;
  readonly flags: Readonly<Record<string, string | boolean | readonly string[] | undefined>>;
}

/** The program of all commands; calls `start` for the one that was asked for. */
export function buildProgram(
  definitions: readonly CommandDefinition[],
  start: (definition: CommandDefinition, call: ParsedCall) => Promise<void>,
): Command {
  const program = new Command('gavel').description('Judges bids as they come in, exactly once.');
  const groups = new Map<string, Command>();
  for (const definition of definitions) {
    const [noun = '', verb] = definition.name.split(' ');
    if (verb === undefined) program.addCommand(leaf(noun, definition, start));
    else {
      let group = groups.get(noun);
      if (group === undefined) {
        group = new Command(noun).description(groupSummary(noun, definitions)).helpCommand(false);
        groups.set(noun, group);
        program.addCommand(group);
      }
      group.addCommand(leaf(verb, definition, start));
    }
  }
  return program;
}

function groupSummary(noun: string, definitions: readonly CommandDefinition[]): string {
  const verbs = definitions
    .filter(({ name }) => name.startsWith(`${noun} `))
    .map(({ name }) => name.slice(noun.length + 1));
  return verbs.join(', ');
}

function leaf(
  name: string,
  definition: CommandDefinition,
  start: (definition: CommandDefinition, call: ParsedCall) => Promise<void>,
): Command {
  const made = new Command(name).description(definition.summary);
  if (definition.argument !== undefined) made.argument(definition.argument.name, definition.argument.summary);
  for (const option of Object.values(definition.options)) {
    const { flag, summary, default: value } = option;
    made.addOption(value === undefined ? new Option(flag, summary) : new Option(flag, summary).default(value));
  }
  for (const setting of definition.settings) {
    const { flag, summary } = settingFlag(setting);
    made.addOption(new Option(flag, summary));
  }
  made.option('--config <file>', 'settings file (default gavel.json where there is one)');
  made.option('--json', 'print JSON: one object, or one per line');
  made.addHelpText('after', `\nExample:\n  $ ${definition.example}`);
  made.action(async (...given: unknown[]) => {
    const argument = definition.argument === undefined ? '' : String(given[0]);
    await start(definition, { argument, flags: made.opts() });
  });
  return made;
}
