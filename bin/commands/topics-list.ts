/** `gavel topics list`: every topic with what stands in it. */

import type { Broker } from 'gavel/streams';

import { defineCommand } from '../command.ts';
import { openPlatform } from '../platform.ts';
import { printJson, printTable } from '../print.ts';
import { EXIT } from '../world.ts';

export const topicsList = defineCommand({
  name: 'topics list',
  summary: 'List all topics, internal ones too, with their offsets.',
  example: 'gavel topics list',
  settings: ['dataDir'],
  options: {},
  async run({ world, settings, json }) {
    await using platform = await openPlatform({ settings, command: 'gavel topics list' });
    const topics = await listTopics(platform.broker);
    if (json) for (const topic of topics) printJson(world, topic);
    else {
      const rows = topics.map((topic) => [
        topic.topic,
        String(topic.partitions),
        keptFor(topic),
        topic.starts.join(' '),
        topic.ends.join(' '),
      ]);
      printTable(world, ['topic', 'partitions', 'kept', 'starts', 'ends'], rows);
    }
    return EXIT.OK;
  },
});

async function listTopics(broker: Broker) {
  const described = await broker.describeTopics();
  const listed = described.map(async ({ name, partitions, config }) => {
    const all = Array.from({ length: partitions }, (_, partition) => ({ topic: name, partition }));
    const [starts, ends] = await Promise.all([broker.listOffsets(all, 'earliest'), broker.listOffsets(all, 'latest')]);
    return {
      topic: name,
      partitions,
      cleanup: config.cleanup,
      retentionMs: config.retentionMs,
      starts: starts.map(({ offset }) => offset),
      ends: ends.map(({ offset }) => offset),
    };
  });
  return await Promise.all(listed);
}

function keptFor({ cleanup, retentionMs }: { readonly cleanup: string; readonly retentionMs: number }): string {
  if (cleanup === 'compact') return 'latest by key';
  return retentionMs < 0 ? 'for ever' : `${retentionMs / 86_400_000} d`;
}
