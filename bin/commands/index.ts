/** Every command, in the order of the help. */

import type { CommandDefinition } from '../command.ts';
import { configShow } from './config-show.ts';
import { generate } from './generate.ts';
import { topology } from './topology.ts';

export const COMMANDS: readonly CommandDefinition[] = [generate, topology, configShow];
