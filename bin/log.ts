/** Log lines of run-time events, on stderr only. */

import { pino } from 'pino';

import type { Settings } from './settings.ts';
import type { World } from './world.ts';

export type { Logger } from 'pino';

/** One JSON object per line: level, time, message, and what belongs to it. */
export function openLog(world: World, settings: Settings) {
  return pino({ level: settings.logLevel, base: null }, { write: (line: string) => void world.stderr.write(line) });
}
