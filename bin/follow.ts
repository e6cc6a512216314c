/** Records of logs as they come, for as long as someone looks. */

import type { Broker, FetchedPartition, Header, PartitionOffset, TopicPartition } from 'gavel/streams';
import { BatchReader } from 'gavel/streams';

export interface FollowedRecord extends TopicPartition {
  readonly offset: number;
  readonly timestamp: number;
  readonly key: Buffer | null;
  readonly value: Buffer | null;
  readonly headers: readonly Header[];
}

/** Begins at the offsets, ends when `signal` aborts. The bytes of a record are valid until the next one. @throws what the log answers */
export async function* followRecords(
  broker: Broker,
  from: readonly PartitionOffset[],
  signal: AbortSignal,
): AsyncGenerator<FollowedRecord, void> {
  let news = Promise.withResolvers<void>();
  const wake = (): void => news.resolve();
  signal.addEventListener('abort', wake);
  const fetcher = broker.fetcher({ onReady: wake });
  try {
    for (const { topic, partition, offset } of from) fetcher.assign(topic, partition, offset);
    while (!signal.aborted) {
      news = Promise.withResolvers();
      const polled = fetcher.poll();
      if (polled.length === 0) await news.promise;
      for (const fetched of polled) yield* recordsOf(fetched);
    }
  } finally {
    signal.removeEventListener('abort', wake);
    await fetcher.close();
  }
}

function* recordsOf({ topic, partition, batches, from, error }: FetchedPartition): Generator<FollowedRecord> {
  if (error !== undefined) throw error;
  const reader = new BatchReader();
  for (const bytes of batches) {
    reader.open(bytes);
    while (reader.next()) {
      const { offset, timestamp } = reader;
      if (offset < from) continue;
      yield {
        topic,
        partition,
        offset,
        timestamp,
        key: reader.key(),
        value: reader.value(),
        headers: reader.headers(),
      };
    }
  }
}
