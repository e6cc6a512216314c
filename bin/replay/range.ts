/** Which part of the log that decides is compared: per partition, in offsets and in record time. */

import { readRecords } from 'gavel/broker';
import type { Broker, PartitionOffset } from 'gavel/streams';
import { GavelError } from 'gavel/streams';

import type { Platform } from '../platform.ts';
import { APPLICATION_ID } from '../platform.ts';
import { parseTime } from '../values.ts';

export interface ComparedRange {
  readonly partition: number;
  /** First offset that is still in the log. */
  readonly start: number;
  /** First offset that is compared. */
  readonly from: number;
  /** End, exclusive: what the judge had committed. */
  readonly to: number;
  /** Record time of `from`; outputs before it are not compared. -Infinity = no bound. */
  readonly fromTime: number;
}

/**
 * From `earliest`, a time, or an offset of every partition, to what the judge has committed.
 * @throws GavelError `OPTION_INVALID`
 */
export async function comparedRanges({ broker, topics }: Platform, from: string): Promise<readonly ComparedRange[]> {
  const { name: topic, partitions } = topics.bids;
  const all = Array.from({ length: partitions }, (_, partition) => ({ topic, partition }));
  const [starts, committed] = await Promise.all([
    broker.listOffsets(all, 'earliest'),
    broker.groups.listOffsets(APPLICATION_ID),
  ]);
  const firsts = await firstOffsets(broker, starts, from);
  return Promise.all(
    starts.map(async ({ partition, offset: start }, i) => {
      const to = committed.find((entry) => entry.topic === topic && entry.partition === partition)?.offset ?? start;
      const first = Math.min(Math.max(firsts[i]?.offset ?? start, start), to);
      const fromTime = first === start ? -Infinity : await timeAt(broker, { topic, partition, offset: first });
      return { partition, start, from: first, to, fromTime: fromTime ?? Infinity };
    }),
  );
}

async function firstOffsets(
  broker: Broker,
  starts: readonly PartitionOffset[],
  from: string,
): Promise<readonly PartitionOffset[]> {
  if (from === 'earliest') return starts;
  if (/^\d{1,11}$/.test(from)) return starts.map((start) => ({ ...start, offset: Number(from) }));
  if (from === 'latest') {
    throw new GavelError('OPTION_INVALID', '--from latest leaves nothing to compare', {
      hint: 'name a time or an offset',
    });
  }
  return broker.listOffsets(starts, parseTime(from, '--from'));
}

/** Record time of the record at an offset; undefined at the end of the log. */
export async function timeAt(
  broker: Broker,
  { topic, partition, offset }: PartitionOffset,
): Promise<number | undefined> {
  const [end] = await broker.listOffsets([{ topic, partition }], 'latest');
  if (end === undefined || offset >= end.offset) return undefined;
  for await (const record of readRecords(broker, [{ topic, partition, from: offset, to: end.offset }]))
    return record.timestamp;
  return undefined;
}
