/** `gavel topology`: what reads what, as text, JSON, Mermaid or SVG. Starts nothing. */

import { avroSerdes, memoryRegistry } from 'gavel/schemas';
import { describe } from 'gavel/streams';

import { auctionTopology } from '../../topology/index.ts';
import { auctionTopics } from '../../topology/topics.ts';
import { defineCommand } from '../command.ts';
import type { Description } from '../diagram/graph.ts';
import { renderSvg } from '../diagram/svg.ts';
import { printJson } from '../print.ts';
import { parseChoice } from '../values.ts';
import { EXIT } from '../world.ts';

export const topology = defineCommand({
  name: 'topology',
  summary: 'Show the steps, stores and topics of the platform.',
  example: 'gavel topology --format mermaid > topology.mmd',
  settings: [],
  options: { format: { flag: '--format <kind>', summary: 'text, mermaid, svg or json', default: 'text' } },
  async run({ world, options, json }) {
    const format = json ? 'json' : parseChoice(options.format, '--format', ['text', 'mermaid', 'svg', 'json']);
    const serdes = avroSerdes(memoryRegistry());
    const value = auctionTopology({ topics: auctionTopics(serdes), serdes });
    if (format === 'json') printJson(world, JSON.parse(describe(value, 'json')));
    else if (format === 'svg') world.stdout.write(renderSvg(JSON.parse(describe(value, 'json')) as Description));
    else world.stdout.write(`${describe(value, format)}\n`);
    return EXIT.OK;
  },
});
