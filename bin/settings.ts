/** The settings of the command: flags over environment over file over default; none is needed. */

import { resolve } from 'node:path';

import { GavelError } from 'gavel/streams';

import { nearest } from './nearest.ts';
import { parseChoice, parseInteger } from './values.ts';

export interface Settings {
  /** Absolute path of the logs, schemas and state of the embedded broker. */
  readonly dataDir: string;
  /** Port of 127.0.0.1 for metrics and health; 0 = any that is free. */
  readonly port: number;
  /** What an answered write survives. */
  readonly durability: 'power' | 'process';
  /** Lowest level of the log lines on stderr. */
  readonly logLevel: string;
}

export type SettingName = keyof Settings;
export type SettingSource = 'flag' | 'environment' | 'file' | 'default';

interface Definition<T> {
  /** As commander wants it. */
  readonly flag: string;
  readonly env: string;
  readonly summary: string;
  readonly default: T;
  /** Reads the text of a flag or variable. @throws GavelError `OPTION_INVALID` */
  readonly parse: (text: string, name: string) => T;
}

const DEFINITIONS: { readonly [N in SettingName]: Definition<Settings[N]> } = {
  dataDir: {
    flag: '--data-dir <dir>',
    env: 'GAVEL_DATA_DIR',
    summary: 'where logs, schemas and state are kept',
    default: '.gavel/data',
    parse: (text) => text,
  },
  port: {
    flag: '--port <number>',
    env: 'GAVEL_PORT',
    summary: 'port for metrics and health on 127.0.0.1; 0 = any free one',
    default: 8080,
    parse: (text, name) => parseInteger(text, name, { min: 0, max: 65_535 }),
  },
  durability: {
    flag: '--durability <kind>',
    env: 'GAVEL_DURABILITY',
    summary: 'what an answered write survives: loss of power, or only of the process',
    default: 'power',
    parse: (text, name) => parseChoice(text, name, ['power', 'process'] as const),
  },
  logLevel: {
    flag: '--log-level <level>',
    env: 'GAVEL_LOG_LEVEL',
    summary: 'lowest level of the log lines on stderr',
    default: 'warn',
    parse: (text, name) => parseChoice(text, name, ['trace', 'debug', 'info', 'warn', 'error', 'silent']),
  },
};

export const SETTING_NAMES = Object.keys(DEFINITIONS) as readonly SettingName[];

/** The file that is read where no `--config` names another one; it may be missing. */
export const DEFAULT_FILE = 'gavel.json';

export function settingFlag(name: SettingName): { readonly flag: string; readonly summary: string } {
  const { flag, env, summary, default: value } = DEFINITIONS[name];
  return { flag, summary: `${summary} (${env}; default ${String(value)})` };
}

export interface SettingSources {
  /** Texts of flags, by setting; absent where not given. */
  readonly flags: { readonly [N in SettingName]?: string };
  readonly env: Readonly<Record<string, string | undefined>>;
  /** Where relative paths begin. */
  readonly directory: string;
  /** Text of the settings file, or undefined where there is none. */
  readonly file: string | undefined;
}

export interface ResolvedSettings {
  readonly values: Settings;
  readonly sources: { readonly [N in SettingName]: SettingSource };
}

/** @throws GavelError `OPTION_INVALID` for an unknown setting, a value of the wrong kind, or a file that is no JSON object. */
export function resolveSettings(given: SettingSources): ResolvedSettings {
  const file = readFile(given.file);
  refuseUnknown(Object.keys(file), SETTING_NAMES, 'setting in the file');
  const variables = SETTING_NAMES.map((name) => DEFINITIONS[name].env);
  refuseUnknown(
    Object.keys(given.env).filter((name) => name.startsWith('GAVEL_')),
    [...variables, PARENT_VARIABLE],
    'environment variable',
  );
  const values: Record<string, unknown> = {};
  const sources: Record<string, SettingSource> = {};
  for (const name of SETTING_NAMES) {
    const { env, parse, default: fallback } = DEFINITIONS[name];
    const candidates: readonly (readonly [SettingSource, string | undefined, string])[] = [
      ['flag', given.flags[name], `--${name}`],
      ['environment', given.env[env], env],
      ['file', file[name], name],
    ];
    const found = candidates.find(([, text]) => text !== undefined && text !== '');
    sources[name] = found?.[0] ?? 'default';
    values[name] = found === undefined ? fallback : parse(found[1] as string, found[2]);
  }
  values['dataDir'] = resolve(given.directory, values['dataDir'] as string);
  return { values: values as unknown as Settings, sources: sources as ResolvedSettings['sources'] };
}

/** Set by bin/gavel.js for the Node that it starts; no setting. */
const PARENT_VARIABLE = 'GAVEL_PARENT';

function readFile(text: string | undefined): Record<string, string> {
  if (text === undefined) return {};
  let parsed: unknown;
  try {
    parsed = JSON.parse(text);
  } catch (error) {
    throw new GavelError('OPTION_INVALID', 'the settings file is no JSON', { cause: error, hint: FILE_HINT });
  }
  if (typeof parsed !== 'object' || parsed === null || Array.isArray(parsed)) {
    throw new GavelError('OPTION_INVALID', 'the settings file is no JSON object', { hint: FILE_HINT });
  }
  return Object.fromEntries(Object.entries(parsed).map(([name, value]) => [name, String(value)]));
}

const FILE_HINT = 'write an object such as {"dataDir": "./data", "port": 8080}';

function refuseUnknown(names: readonly string[], known: readonly string[], what: string): void {
  for (const name of names) {
    if (known.includes(name)) continue;
    const near = nearest(name, known);
    const hint = near === undefined ? `known are ${known.join(', ')}` : `did you mean ${near}?`;
    throw new GavelError('OPTION_INVALID', `unknown ${what}: ${name}`, { hint });
  }
}
