/** Every command, in the order of the help. */

import type { CommandDefinition } from '../command.ts';
import { auctionsList } from './auctions-list.ts';
import { auctionsShow } from './auctions-show.ts';
import { bidsExplain } from './bids-explain.ts';
import { configShow } from './config-show.ts';
import { dev } from './dev.ts';
import { doctor } from './doctor.ts';
import { generate } from './generate.ts';
import { ingest } from './ingest.ts';
import { replay } from './replay.ts';
import { status } from './status.ts';
import { topicsList } from './topics-list.ts';
import { topicsTail } from './topics-tail.ts';
import { topology } from './topology.ts';

export const COMMANDS: readonly CommandDefinition[] = [
  dev,
  generate,
  ingest,
  auctionsList,
  auctionsShow,
  bidsExplain,
  topology,
  status,
  topicsList,
  topicsTail,
  replay,
  doctor,
  configShow,
];
