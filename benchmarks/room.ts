/** Where the runs take place: a directory that goes afterwards, an embedded broker in it, and how to know that an application is done. */

import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { openEmbeddedBroker } from 'gavel/broker';
import type { EmbeddedBroker } from 'gavel/broker';
import { partitionKey } from 'gavel/streams';
import type { Broker, Clock, StreamsApp } from 'gavel/streams';

export type Durability = 'power' | 'process';

/** How exact the end of a run is measured. */
const POLL_MS = 5;

/** A new directory, removed when disposed of. */
export async function temporaryDirectory(): Promise<AsyncDisposable & { readonly path: string }> {
  const path = await mkdtemp(join(tmpdir(), 'gavel-bench-'));
  return { path, [Symbol.asyncDispose]: () => rm(path, { recursive: true, force: true }) };
}

export interface BrokerOptions {
  readonly directory: string;
  readonly durability: Durability;
  readonly clock?: Clock;
}

/** The embedded broker under `directory`; disposing of it closes it. */
export async function openBroker({ directory, ...options }: BrokerOptions): Promise<EmbeddedBroker & AsyncDisposable> {
  const owner = { command: 'bench', pid: process.pid };
  const broker = await openEmbeddedBroker({ ...options, directory: join(directory, 'log'), owner });
  return Object.assign(broker, { [Symbol.asyncDispose]: () => broker.close() });
}

/** Waits until the group has committed the end of every input, internal topics included. @throws what stopped the application */
export async function untilCommitted(app: StreamsApp, broker: Broker): Promise<void> {
  let stopped: Promise<void> | undefined = app.finished.then(() => {
    throw new Error('the application was closed before it was done');
  });
  while (!(await isCommitted(app, broker))) await Promise.race([sleep(POLL_MS), stopped]);
  stopped.catch(() => undefined);
  stopped = undefined;
}

async function isCommitted(app: StreamsApp, broker: Broker): Promise<boolean> {
  const inputs = app.status().tasks.flatMap((task) => task.inputs);
  const ends = await broker.listOffsets(inputs, 'latest');
  const committed = new Map(
    inputs.map((input) => [partitionKey(input.topic, input.partition), input.committed] as const),
  );
  return ends.every(({ topic, partition, offset }) => (committed.get(partitionKey(topic, partition)) ?? -1) >= offset);
}
