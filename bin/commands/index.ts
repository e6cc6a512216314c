/** Every command, in the order of the help. */

import type { CommandDefinition } from '../command.ts';
import { configShow } from './config-show.ts';

export const COMMANDS: readonly CommandDefinition[] = [configShow];
