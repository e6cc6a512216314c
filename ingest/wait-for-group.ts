/** Waits until a consumer group has passed given offsets. */

import { GavelError, partitionKey, type Broker, type Clock, type PartitionOffset } from 'gavel/streams';

const POLL_MS = 20;

export interface WaitOptions {
  readonly broker: Broker;
  readonly groupId: string;
  readonly clock: Clock;
  /** Without any progress for so long the wait is given up. */
  readonly noProgressMs: number;
  readonly signal: AbortSignal | undefined;
  /** Records that are still to be passed. */
  readonly onProgress: (left: number) => void;
}

/**
 * Waits until the group's committed offset of each partition is at its target or beyond.
 * @throws GavelError `NO_PROGRESS` naming the partition that is furthest behind
 */
export async function waitForGroup(targets: readonly PartitionOffset[], options: WaitOptions): Promise<void> {
  const { broker, groupId, clock, noProgressMs, signal, onProgress } = options;
  const waiting = targets.filter(({ offset }) => offset > 0);
  let best = Infinity;
  let bestAt = clock.now();
  let behind: readonly PartitionOffset[] = waiting;
  for (;;) {
    signal?.throwIfAborted();
    behind = (await lag(broker, groupId, waiting)) ?? behind;
    const left = behind.reduce((sum, { offset }) => sum + offset, 0);
    onProgress(left);
    if (left === 0) return;
    if (left < best) {
      best = left;
      bestAt = clock.now();
    } else if (clock.now() - bestAt >= noProgressMs) {
      throw noProgress(groupId, behind, noProgressMs);
    }
    await new Promise<void>((resolve) => void clock.setTimer(POLL_MS, resolve));
  }
}

/** How many offsets each partition is behind, without those that are not; undefined while a transaction keeps that open. */
async function lag(
  broker: Broker,
  groupId: string,
  targets: readonly PartitionOffset[],
): Promise<readonly PartitionOffset[] | undefined> {
  const committed = new Map<string, number>();
  try {
    for (const { topic, partition, offset } of await broker.groups.committedOffsets(groupId, targets)) {
      committed.set(partitionKey(topic, partition), offset);
    }
  } catch (error) {
    if (error instanceof GavelError && error.retry === 'backoff') return undefined;
    throw error;
  }
  return targets
    .map(({ topic, partition, offset }) => {
      return { topic, partition, offset: offset - (committed.get(partitionKey(topic, partition)) ?? 0) };
    })
    .filter(({ offset }) => offset > 0);
}

function noProgress(groupId: string, behind: readonly PartitionOffset[], noProgressMs: number): GavelError {
  const { topic, partition, offset } = behind.reduce((most, other) => (other.offset > most.offset ? other : most));
  return new GavelError(
    'NO_PROGRESS',
    `group ${groupId} is ${offset} records behind in partition ${partition} of ${topic} and has not moved for ${noProgressMs / 1000} s`,
    { hint: 'see whether the engine runs and what it says: gavel status' },
  );
}
