/** The auction platform in a directory: the topology as shipped, on the embedded broker. */

import { join } from 'node:path';
import type { EmbeddedBroker } from 'gavel/broker';
import { avroSerdes, memoryRegistry } from 'gavel/schemas';
import { levelState } from 'gavel/stores';
import { createStreams } from 'gavel/streams';
import type { StreamsApp, StreamsOptions } from 'gavel/streams';
import { auctionTopology } from '../topology/index.ts';
import { auctionTopics } from '../topology/topics.ts';
import type { AuctionTopics } from '../topology/topics.ts';
import { openBroker } from './room.ts';
import type { BrokerOptions } from './room.ts';

export interface AuctionHouse extends AsyncDisposable {
  readonly broker: EmbeddedBroker;
  readonly topics: AuctionTopics;
  /** The engine, not started. */
  engine(options?: Pick<StreamsOptions, 'metrics' | 'listeners'>): StreamsApp;
}

/** Opens what lies in the directory, or begins it. Schema ids follow from the order of registration, so they last. */
export async function openAuctionHouse(options: BrokerOptions): Promise<AuctionHouse> {
  const { directory, clock } = options;
  const serdes = avroSerdes(memoryRegistry());
  const topics = auctionTopics(serdes);
  const topology = auctionTopology({ topics, serdes });
  await serdes.prepare();
  const broker = await openBroker(options);
  await broker.createTopics(Object.values(topics));
  const state = levelState({ directory: join(directory, 'state') });
  return {
    broker,
    topics,
    engine: (more) =>
      createStreams({
        applicationId: 'gavel',
        topology,
        broker,
        state,
        ...(clock === undefined ? {} : { clock }),
        ...more,
      }),
    [Symbol.asyncDispose]: () => broker.close(),
  };
}
