/** `gavel replay`: everything once more into a shadow, and whether it decides the same. */

import { resolve } from 'node:path';

import { defineCommand } from '../command.ts';
import { openPlatform } from '../platform.ts';
import { printJson, printTable } from '../print.ts';
import { replay as replayIntoShadow } from '../replay/shadow.ts';
import { readWeights } from '../replay/weights-file.ts';
import { EXIT } from '../world.ts';

export const replay = defineCommand({
  name: 'replay',
  summary: 'Judge everything once more in a shadow, and compare verdicts, prices and closings.',
  example: 'gavel replay --from earliest --json',
  settings: ['dataDir', 'durability'],
  options: {
    from: { flag: '--from <start>', summary: 'what is compared: earliest, a time, or an offset', default: 'earliest' },
    weights: { flag: '--weights <file>', summary: 'another table of fraud weights, as JSON' },
    keep: { flag: '--keep', summary: 'leave the topics and the state of the shadow' },
  },
  async run({ world, settings, json, options }) {
    const weights = options.weights === undefined ? undefined : readWeights(resolve(world.directory, options.weights));
    await using platform = await openPlatform({ settings, command: 'gavel replay' });
    const onProgress = (left: number): void => {
      if (world.stderr.isTTY === true) world.stderr.write(`\r\u001B[K${left === 0 ? '' : `${left} records left`}`);
    };
    const { differences, shadow, ...counts } = await replayIntoShadow({
      platform,
      from: options.from,
      weights,
      keep: options.keep,
      signal: world.interrupted,
      onProgress,
    });
    if (json) printJson(world, counts);
    else
      printTable(
        world,
        ['compared', 'count'],
        Object.entries(counts).map(([name, count]) => [name, String(count)]),
      );
    for (const { kind, identity, original, shadow: other } of differences) {
      world.stderr.write(`${kind}: ${identity}\n  first run ${original ?? '-'}\n  shadow    ${other ?? '-'}\n`);
    }
    if (options.keep) world.stderr.write(`kept: topics *.${shadow}\n`);
    return counts.missing + counts.extra + counts.differing === 0 ? EXIT.OK : EXIT.CHECK_FAILED;
  },
});
