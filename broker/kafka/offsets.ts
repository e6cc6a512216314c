/** Offsets of partitions by position or time. */

import { listOffsetsV7 } from '@platformatic/kafka';
import type { PartitionOffset, TopicPartition } from '../../streams/broker.ts';
import { partitionKey } from '../../streams/broker.ts';
import type { Cluster } from './cluster.ts';
import type { Connections } from './connections.ts';

const READ_UNCOMMITTED = 0;
const READ_COMMITTED = 1;
const LATEST = -1n;
const EARLIEST = -2n;

export async function listOffsets(
  cluster: Cluster,
  connections: Connections,
  partitions: readonly TopicPartition[],
  at: 'earliest' | 'latest' | 'end' | number,
): Promise<readonly PartitionOffset[]> {
  cluster.assertOpen();
  const isolation = at === 'end' ? READ_UNCOMMITTED : READ_COMMITTED;
  const timestamp = typeof at === 'number' ? BigInt(at) : at === 'earliest' ? EARLIEST : LATEST;
  const offsets = await request(partitions, timestamp, isolation);
  const nowhere = partitions.filter(({ topic, partition }) => offsets.get(partitionKey(topic, partition)) === -1);
  const ends = await request(nowhere, LATEST, READ_COMMITTED); // no record is that late
  return partitions.map(({ topic, partition }) => {
    const key = partitionKey(topic, partition);
    return { topic, partition, offset: ends.get(key) ?? offsets.get(key) ?? -1 };
  });

  async function request(
    wanted: readonly TopicPartition[],
    time: bigint,
    isolationLevel: number,
  ): Promise<Map<string, number>> {
    return cluster.retry('list offsets', async (attempt) => {
      if (attempt > 0) await cluster.refresh([...new Set(wanted.map(({ topic }) => topic))]);
      const found = new Map<string, number>();
      for (const [leader, led] of await cluster.byLeader(wanted)) {
        const topics = Map.groupBy(led, ({ topic }) => topic)
          .entries()
          .map(([name, each]) => ({
            name,
            partitions: each.map(({ partition }) => ({
              partitionIndex: partition,
              currentLeaderEpoch: -1,
              timestamp: time,
            })),
          }));
        const answer = await listOffsetsV7.api.async(await connections.get(leader), -1, isolationLevel, [...topics]);
        for (const { name, partitions: answered } of answer.topics) {
          for (const { partitionIndex, offset } of answered) {
            found.set(partitionKey(name, partitionIndex), Number(offset));
          }
        }
      }
      return found;
    });
  }
}
