/** `gavel config show`: every setting with its value and where it came from. */

import { defineCommand } from '../command.ts';
import { printJson, printTable } from '../print.ts';
import { SETTING_NAMES } from '../settings.ts';
import { EXIT } from '../world.ts';

export const configShow = defineCommand({
  name: 'config show',
  summary: 'Print every setting with its value and its source.',
  example: 'gavel config show --json',
  settings: SETTING_NAMES,
  options: {},
  async run({ world, settings, sources, json }) {
    if (json) {
      const shown = SETTING_NAMES.map((name) => [name, { value: settings[name], source: sources[name] }] as const);
      printJson(world, Object.fromEntries(shown));
    } else {
      const rows = SETTING_NAMES.map((name) => [name, String(settings[name]), sources[name]]);
      printTable(world, ['setting', 'value', 'from'], rows);
    }
    return EXIT.OK;
  },
});
