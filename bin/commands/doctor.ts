/** `gavel doctor`: what is wrong with this machine or the data directory, and what to do. */

import { defineCommand } from '../command.ts';
import { examine } from '../doctor.ts';
import { colorsOf, printJson } from '../print.ts';
import { EXIT } from '../world.ts';

export const doctor = defineCommand({
  name: 'doctor',
  summary: 'Check the machine and the data directory, and say what to do.',
  example: 'gavel doctor --data-dir ./data',
  settings: ['dataDir'],
  options: {},
  async run({ world, settings, json }) {
    const checks = await examine(settings);
    const healthy = checks.every(({ result }) => result !== 'fail');
    if (json) printJson(world, { ok: healthy, checks });
    else {
      const { green, yellow, red, dim } = colorsOf(world);
      const paints = { ok: green, warn: yellow, fail: red };
      for (const { check, result, detail, hint } of checks) {
        world.stdout.write(`${paints[result](result.padEnd(4))} ${check.padEnd(9)} ${detail}\n`);
        if (hint !== null) world.stdout.write(`${dim(`               ${hint}`)}\n`);
      }
    }
    return healthy ? EXIT.OK : EXIT.CHECK_FAILED;
  },
});
