/** How far the platform has come, from the log's own offsets: true whether or not an engine runs. */

import type { AppStatus, InputNode, PartitionOffset } from 'gavel/streams';
import { repartitionTopicName } from 'gavel/streams';

import { APPLICATION_ID } from './platform.ts';
import type { Platform } from './platform.ts';

export interface Progress {
  readonly topic: string;
  readonly partition: number;
  /** Everything below is done for good. */
  readonly committed: number;
  readonly end: number;
  readonly lag: number;
}

export interface PlatformStatus {
  /** Of the engine; `stopped` where none runs. */
  readonly state: AppStatus['state'] | 'stopped';
  readonly dataDir: string;
  /** The judge's progress through the log that decides. */
  readonly judge: readonly Progress[];
  /** All inputs of all sub-topologies, by sub-topology. */
  readonly subtopologies: readonly { readonly name: string; readonly inputs: readonly Progress[] }[];
  /** Null where no engine runs. */
  readonly instance: AppStatus | null;
}

export async function platformStatus(platform: Platform): Promise<PlatformStatus> {
  const subtopologies = await inputProgress(platform);
  const instance = (await platform.owner?.status()) ?? null;
  return {
    state: instance?.state ?? 'stopped',
    dataDir: platform.directory.path,
    judge: subtopologies.find(({ name }) => name === 'judge')?.inputs ?? [],
    subtopologies,
    instance,
  };
}

/** All inputs of all sub-topologies. */
export async function inputProgress({ broker, topology }: Platform): Promise<PlatformStatus['subtopologies']> {
  const committed = await broker.groups.listOffsets(APPLICATION_ID);
  const subtopologies = topology.subtopologies.map(async ({ name, inputs }) => {
    const described = await broker.describeTopics(inputs.map(topicOf));
    const partitions = described.flatMap((topic) =>
      Array.from({ length: topic.partitions }, (_, partition) => ({ topic: topic.name, partition })),
    );
    return { name, inputs: progressOf(await broker.listOffsets(partitions, 'latest'), committed) };
  });
  return Promise.all(subtopologies);
}

function topicOf(input: InputNode): string {
  return input.kind === 'source' ? input.topic.name : repartitionTopicName(APPLICATION_ID, input.name);
}

function progressOf(ends: readonly PartitionOffset[], committed: readonly PartitionOffset[]): readonly Progress[] {
  return ends.map(({ topic, partition, offset: end }) => {
    const found = committed.find((entry) => entry.topic === topic && entry.partition === partition);
    const position = found?.offset ?? 0;
    return { topic, partition, committed: position, end, lag: Math.max(0, end - position) };
  });
}
