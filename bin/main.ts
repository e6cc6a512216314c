/** Runs one command line: arguments in, exit code out. */

import { readFileSync } from 'node:fs';
import { resolve } from 'node:path';

import type { Command } from 'commander';
import { CommanderError } from 'commander';
import { GavelError } from 'gavel/streams';

import { COMMANDS } from './commands/index.ts';
import type { CommandDefinition, OptionValues, OptionDefinitions, ParsedCall } from './command.ts';
import { buildProgram } from './command.ts';
import { describeError, exitCodeOf } from './errors.ts';
import type { ResolvedSettings } from './settings.ts';
import { DEFAULT_FILE, resolveSettings } from './settings.ts';
import { VERSION } from './version.ts';
import type { ExitCode, World } from './world.ts';
import { EXIT } from './world.ts';

/** Never throws: what goes wrong is printed to stderr, and told by the answer. */
export async function main(
  argv: readonly string[],
  world: World,
  commands: readonly CommandDefinition[] = COMMANDS,
): Promise<ExitCode> {
  let code: ExitCode = EXIT.OK;
  const program = buildProgram(commands, async (definition, call) => {
    code = await start(definition, call, world);
  });
  configure(program, world);
  try {
    await program.parseAsync(argv, { from: 'user' });
    return code;
  } catch (error) {
    if (error instanceof CommanderError) return usage(error, world);
    if (world.interrupted.aborted && error === world.interrupted.reason) return EXIT.INTERRUPTED;
    world.stderr.write(describeError(error));
    return exitCodeOf(error);
  }
}

async function start(definition: CommandDefinition, call: ParsedCall, world: World): Promise<ExitCode> {
  const { values, sources } = readSettings(definition, call, world);
  return definition.run({
    world,
    settings: values,
    sources,
    json: call.flags['json'] === true,
    argument: call.argument,
    options: call.flags as OptionValues<OptionDefinitions>,
  });
}

function readSettings(definition: CommandDefinition, call: ParsedCall, world: World): ResolvedSettings {
  const flags = Object.fromEntries(
    definition.settings.map((name) => [name, call.flags[name]]).filter(([, text]) => typeof text === 'string'),
  ) as Record<string, string>;
  const file = readSettingsFile(call.flags['config'], world);
  return resolveSettings({ flags, env: world.env, directory: world.directory, file });
}

function readSettingsFile(given: unknown, world: World): string | undefined {
  const named = typeof given === 'string';
  const path = resolve(world.directory, named ? given : DEFAULT_FILE);
  try {
    return readFileSync(path, 'utf8');
  } catch (error) {
    if (!named && (error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw new GavelError('OPTION_INVALID', `cannot read the settings file ${path}`, {
      cause: error,
      hint: 'check the path given with --config',
    });
  }
}

/** Commander prints help only; errors are printed here, in the form of all errors. */
function configure(program: Command, world: World): void {
  program.version(VERSION);
  const colors = world.stdout.isTTY === true && (world.env['NO_COLOR'] ?? '') === '';
  const visit = (command: Command): void => {
    command.exitOverride();
    command.configureOutput({
      writeOut: (text) => world.stdout.write(text),
      writeErr: (text) => world.stderr.write(text),
      outputError: () => undefined,
      getOutHasColors: () => colors,
      getErrHasColors: () => colors,
    });
    for (const child of command.commands) visit(child);
  };
  visit(program);
}

function usage(error: CommanderError, world: World): ExitCode {
  if (error.code === 'commander.helpDisplayed' || error.code === 'commander.version') return EXIT.OK;
  if (error.code === 'commander.help') return EXIT.USAGE; // a noun without a verb: the help stands on stderr already
  const [message = '', suggestion] = error.message.replace(/^error: /, '').split('\n');
  const near = suggestion === undefined ? undefined : /^\((.*)\)$/.exec(suggestion)?.[1];
  const hint = near === undefined ? 'see --help' : `${near[0]?.toLowerCase()}${near.slice(1)}`;
  world.stderr.write(describeError(new GavelError('USAGE', message, { hint })));
  return EXIT.USAGE;
}
