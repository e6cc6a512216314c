/** The platform in a data directory: opened here, or through the process that holds it. */

import { existsSync } from 'node:fs';
import { rm } from 'node:fs/promises';

import { connectBroker, openEmbeddedBroker } from 'gavel/broker';
import type { AvroSerdes, SchemaRegistry } from 'gavel/schemas';
import { avroSerdes, openRegistryServer, registryClient } from 'gavel/schemas';
import { levelState } from 'gavel/stores';
import type { Broker, Listeners, MetricsHook, StreamsApp, Topology } from 'gavel/streams';
import { GavelError, createStreams, isGavelError } from 'gavel/streams';

import { auctionTopology } from '../topology/index.ts';
import type { AuctionTopics } from '../topology/topics.ts';
import { auctionTopics } from '../topology/topics.ts';
import type { DataDirectory } from './data-directory.ts';
import { dataDirectory } from './data-directory.ts';
import { readEndpoint } from './endpoint.ts';
import type { OwnerQueries } from './owner-queries.ts';
import { localQueries, remoteQueries } from './owner-queries.ts';
import type { Settings } from './settings.ts';

/** Names the consumer group and the internal topics of the engine. */
export const APPLICATION_ID = 'gavel';

export interface Platform extends AsyncDisposable {
  readonly directory: DataDirectory;
  readonly broker: Broker;
  readonly registryUrl: string;
  readonly registry: SchemaRegistry;
  readonly serdes: AvroSerdes;
  readonly topics: AuctionTopics;
  readonly topology: Topology;
  /** Questions to the process that holds the directory and runs the engine; undefined where that is us. */
  readonly owner: OwnerQueries | undefined;
}

export interface PlatformOptions {
  readonly settings: Settings;
  /** What others are told who find the directory taken, e.g. `gavel dev`. */
  readonly command: string;
  /** Whether a directory without data is begun, or refused. Default false. */
  readonly create?: boolean;
}

/**
 * Opens the directory, or reaches the one that has it. The schemas are registered and the topics exist afterwards.
 * @throws GavelError `OPTION_INVALID` where there are no data, `DIRECTORY_OWNED` where the owner serves nobody, `LOG_CORRUPT`, `STORAGE_FULL`, `SCHEMA_INCOMPATIBLE`
 */
export async function openPlatform(options: PlatformOptions): Promise<Platform> {
  const directory = dataDirectory(options.settings.dataDir);
  if (options.create !== true && !existsSync(directory.schemas)) {
    throw new GavelError('OPTION_INVALID', `there are no data in ${directory.path}`, {
      hint: 'name the directory with --data-dir, or begin one with `gavel dev` or `gavel ingest`',
    });
  }
  await using open = new AsyncDisposableStack();
  const link = await openLink(directory, options, open);
  const registry = registryClient({ url: link.registryUrl });
  const serdes = avroSerdes(registry);
  const topics = auctionTopics(serdes);
  const topology = auctionTopology({ topics, serdes });
  await serdes.prepare();
  await link.broker.createTopics(Object.values(topics));
  const opened = open.move();
  return { ...link, directory, registry, serdes, topics, topology, [Symbol.asyncDispose]: () => opened.disposeAsync() };
}

type Link = Pick<Platform, 'broker' | 'registryUrl' | 'owner'>;

async function openLink(
  directory: DataDirectory,
  { settings, command }: PlatformOptions,
  open: AsyncDisposableStack,
): Promise<Link> {
  try {
    const broker = await openEmbeddedBroker({
      directory: directory.path,
      owner: { command, pid: process.pid },
      durability: settings.durability,
    });
    open.defer(() => broker.close());
    await rm(directory.endpoint, { force: true }); // of an owner that was killed
    const registry = open.use(await openRegistryServer({ directory: directory.schemas }));
    return { broker, registryUrl: registry.url, owner: undefined };
  } catch (error) {
    if (!isGavelError(error, 'DIRECTORY_OWNED')) throw error;
    const endpoint = await readEndpoint(directory.endpoint);
    if (endpoint === undefined) throw error;
    const broker = await connectBroker({ path: endpoint.socket });
    open.defer(() => broker.close());
    return {
      broker,
      registryUrl: endpoint.registryUrl,
      owner: remoteQueries((method, args) => broker.call(method, args)),
    };
  }
}

export interface EngineOptions {
  readonly metrics?: MetricsHook;
  readonly listeners?: Listeners;
  /** False: only restore the state and answer questions. Default true. */
  readonly processing?: boolean;
}

/** The engine of the platform, not started; only for who holds the directory. */
export function createEngine({ broker, directory, topology }: Platform, options: EngineOptions = {}): StreamsApp {
  const state = levelState({ directory: directory.state(APPLICATION_ID) });
  return createStreams({ applicationId: APPLICATION_ID, topology, broker, state, ...options });
}

/** Runs `ask` with the owner's answers, or with those of an engine that only reads. */
export async function withQueries<T>(platform: Platform, ask: (queries: OwnerQueries) => Promise<T>): Promise<T> {
  if (platform.owner !== undefined) return await ask(platform.owner);
  await using engine = createEngine(platform, { processing: false });
  await engine.start();
  return await ask(localQueries(engine));
}
