/** `gavel topics tail`: the records of a topic, Avro decoded. */

import { readRecords } from 'gavel/broker';
import type { PartitionOffset } from 'gavel/streams';

import { defineCommand } from '../command.ts';
import { followRecords } from '../follow.ts';
import { openPlatform } from '../platform.ts';
import { partitionsOf, startOffsets } from '../positions.ts';
import { toJson } from '../print.ts';
import { showRecord } from '../shown-record.ts';
import type { ShownRecord } from '../shown-record.ts';
import { EXIT } from '../world.ts';

/** Characters that are collected before they are written. */
const CHUNK_LENGTH = 65_536;

export const topicsTail = defineCommand({
  name: 'topics tail',
  summary: 'Print the records of a topic, Avro decoded; goes on as they come unless told to end.',
  example: 'gavel topics tail auction.bids.validated --from earliest --until-end --json',
  argument: { name: '<topic>', summary: 'see `gavel topics list`' },
  settings: ['dataDir'],
  options: {
    from: {
      flag: '--from <start>',
      summary: 'earliest, latest, or a time such as 2026-01-31T12:00:00Z',
      default: 'latest',
    },
    untilEnd: { flag: '--until-end', summary: 'stop at the present end of the topic' },
  },
  async run({ world, settings, json, argument: topic, options }) {
    await using platform = await openPlatform({ settings, command: 'gavel topics tail' });
    const { broker, registry } = platform;
    const partitions = await partitionsOf(broker, topic);
    const starts = await startOffsets(broker, partitions, options.from);
    const records = options.untilEnd
      ? readRecords(broker, await ranges(starts, broker.listOffsets(partitions, 'latest')))
      : followRecords(broker, starts, world.interrupted);
    const format = json ? toJson : textOf;
    let chunk = '';
    for await (const record of records) {
      chunk += `${format(await showRecord(registry, record))}\n`;
      if (options.untilEnd && chunk.length < CHUNK_LENGTH) continue;
      world.stdout.write(chunk);
      chunk = '';
      if (options.untilEnd) world.interrupted.throwIfAborted();
    }
    world.stdout.write(chunk);
    return EXIT.OK;
  },
});

async function ranges(starts: readonly PartitionOffset[], asked: Promise<readonly PartitionOffset[]>) {
  const ends = await asked;
  return starts.map(({ topic, partition, offset }) => ({
    topic,
    partition,
    from: offset,
    to: ends.find((end) => end.partition === partition)?.offset ?? offset,
  }));
}

function textOf({ partition, offset, timestamp, type, key, value }: ShownRecord): string {
  const time = new Date(timestamp).toISOString();
  return `${partition}@${offset} ${time} ${type ?? '-'} ${key ?? '-'} ${value === null ? '' : toJson(value)}`;
}
