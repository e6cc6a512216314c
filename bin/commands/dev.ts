/** `gavel dev`: the whole system in one process, with a simulated market and a live view. */

import { setTimeout as delay } from 'node:timers/promises';

import { GavelError } from 'gavel/streams';

import { defineCommand } from '../command.ts';
import { startFresh } from '../dev/fresh.ts';
import type { Figures } from '../dev/screen.ts';
import { figuresOf, plainLine, screenLines } from '../dev/screen.ts';
import { System } from '../dev/system.ts';
import { openTerminal } from '../dev/terminal.ts';
import { openLog } from '../log.ts';
import { MARKET_OPTIONS, marketOptions } from '../market-options.ts';
import { openPlatform } from '../platform.ts';
import { colorsOf, formatBytes, toJson } from '../print.ts';
import { SETTING_NAMES } from '../settings.ts';
import { parseDuration, parseNumber } from '../values.ts';
import type { World } from '../world.ts';
import { EXIT } from '../world.ts';

export const dev = defineCommand({
  name: 'dev',
  summary: 'Run the whole system in this process, with a simulated market.',
  example: 'gavel dev --rate 200 --data-dir ./data',
  settings: SETTING_NAMES,
  options: {
    rate: { flag: '--rate <n>', summary: 'bids per second on average', default: '50' },
    duration: { flag: '--duration <span>', summary: 'stop by itself, e.g. after 10m' },
    simulator: { flag: '--no-simulator', summary: 'only judge what others send' },
    ...MARKET_OPTIONS,
    fresh: { flag: '--fresh', summary: 'remove the data directory first' },
    yes: { flag: '--yes', summary: 'consent to what is removed' },
  },
  async run({ world, settings, options, json }) {
    const durationMs = options.duration === undefined ? undefined : parseDuration(options.duration, '--duration');
    const bidsPerSecond = parseNumber(options.rate, '--rate', { above: 0 });
    const market = options.simulator ? { ...marketOptions(options), bidsPerSecond } : undefined;
    if (options.fresh) await startFresh(world, settings.dataDir, options.yes);
    await using platform = await openPlatform({ settings, command: 'gavel dev', create: true });
    if (platform.owner !== undefined) {
      throw new GavelError('DIRECTORY_OWNED', `another gavel dev runs in ${platform.directory.path}`, {
        hint: 'stop it, or take another directory with --data-dir; other commands work beside it',
      });
    }
    const log = openLog(world, { ...settings, ...(world.stdout.isTTY === true && { logLevel: 'silent' }) });
    await using system = await System.start({ platform, port: settings.port, log, market });
    const colors = colorsOf(world);
    const figures = (): Figures => figuresOf(system.view, system.surroundings);
    announce(world, system, json);
    {
      using _terminal = openTerminal({
        world,
        lines: () => screenLines(system.view, system.surroundings, colors),
        line: () => (json ? toJson(figures()) : plainLine(figures())),
      });
      await Promise.race([untilStopped(world.interrupted, durationMs), system.failed]);
    }
    world.stderr.write('finishing what was taken; Ctrl-C again quits at once\n');
    return EXIT.OK;
  },
});

function announce(world: World, { address, surroundings: { dataDir, dataBytes } }: System, json: boolean): void {
  if (world.stdout.isTTY === true || json) return;
  world.stdout.write(
    `gavel judges bids; metrics ${address}/metrics, data ${dataDir} (${formatBytes(dataBytes)}); Ctrl-C stops\n`,
  );
}

/** Resolves at the first Ctrl-C, or when the time is over. */
async function untilStopped(interrupted: AbortSignal, durationMs: number | undefined): Promise<void> {
  // Node's longest timer; who waits longer asks for no duration.
  await delay(durationMs ?? 2_147_483_647, undefined, { signal: interrupted }).catch(() => undefined);
}
