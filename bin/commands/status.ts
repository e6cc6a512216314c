/** `gavel status`: what runs, and how far each input is committed. */

import { setTimeout as delay } from 'node:timers/promises';

import { defineCommand } from '../command.ts';
import { openPlatform } from '../platform.ts';
import { formatTable, printJson } from '../print.ts';
import type { PlatformStatus } from '../status.ts';
import { platformStatus } from '../status.ts';
import { EXIT } from '../world.ts';

const WATCH_MS = 1_000;

export const status = defineCommand({
  name: 'status',
  summary: 'Show what runs, and how far each input is committed.',
  example: 'gavel status --watch',
  settings: ['dataDir'],
  options: { watch: { flag: '--watch', summary: 'again every second until Ctrl-C' } },
  async run({ world, settings, json, options }) {
    await using platform = await openPlatform({ settings, command: 'gavel status' });
    do {
      const shown = await platformStatus(platform);
      if (json) printJson(world, shown);
      else world.stdout.write(textOf(shown));
      if (options.watch) await delay(WATCH_MS, undefined, { signal: world.interrupted }).catch(() => undefined);
    } while (options.watch && !world.interrupted.aborted);
    return EXIT.OK;
  },
});

function textOf({ state, dataDir, subtopologies, instance }: PlatformStatus): string {
  const rows = subtopologies.flatMap(({ name, inputs }) =>
    inputs.map(({ topic, partition, committed, end, lag }) => [
      `${name}-${partition}`,
      topic,
      String(committed),
      String(end),
      String(lag),
    ]),
  );
  const tasks = instance === null ? '' : `, ${instance.tasks.length} tasks, ${instance.commits} commits`;
  return `engine ${state}${tasks}\ndata   ${dataDir}\n\n${formatTable(['task', 'input', 'committed', 'end', 'lag'], rows)}`;
}
