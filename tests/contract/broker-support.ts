/** What the broker contract needs: batches, a clock by hand, waiting for a condition. */

import type { Broker, FetchedPartition, Fetcher, GroupMember, ProducedBatch } from '../../streams/broker.ts';
import type { ErrorCode } from '../../streams/errors.ts';
import type { Clock } from '../../streams/time.ts';
import type { TopicConfig, TopicSpec } from '../../streams/topic.ts';
import { GavelError } from '../../streams/errors.ts';
import { BatchReader, BatchWriter, verifyBatch } from '../../streams/record-batch/index.ts';
import { TOPIC_CONFIG_DEFAULTS } from '../../streams/topic.ts';

export interface Subject {
  readonly broker: Broker;
  close(): Promise<void>;
}

/** Opens an empty broker whose time is `clock` and whose transactions time out after 5,000 ms. */
export type OpenBroker = (clock: Clock) => Promise<Subject>;

export const TRANSACTION_TIMEOUT_MS = 5_000;

/** What the suite cannot ask of every adapter. */
export interface BrokerTraits {
  /** The broker's time is the clock that it was opened with. Without this the cases that move the clock do not run. */
  readonly virtualTime: boolean;
}

export const VIRTUAL_TIME: BrokerTraits = Object.freeze({ virtualTime: true });

export function topic(name: string, partitions = 1, config: Partial<TopicConfig> = {}): TopicSpec {
  return { name, partitions, config: { ...TOPIC_CONFIG_DEFAULTS, ...config } };
}

/** A batch of records `key:value@timestamp`; without a timestamp it is 0, without a key the value itself. */
export function batch(name: string, partition: number, ...records: readonly string[]): ProducedBatch {
  const writer = new BatchWriter();
  for (const record of records) {
    const [, key, value = '', time] = /^(?:(.*?):)?(.*?)(?:@(\d+))?$/.exec(record) ?? [];
    writer.start(Number(time ?? 0));
    writer.keyBytes(Buffer.from(key ?? value));
    writer.valueBytes(Buffer.from(value));
    writer.end([]);
  }
  return { topic: name, partition, ...writer.take() };
}

/** The values in fetched batches, at their offsets, from the wanted one on: `2=c`. */
export function valuesOf({ batches, from }: FetchedPartition): string[] {
  const reader = new BatchReader();
  const values: string[] = [];
  for (const bytes of batches) {
    verifyBatch(bytes);
    reader.open(bytes);
    while (reader.next()) {
      if (reader.offset >= from) values.push(`${reader.offset}=${reader.value()?.toString() ?? 'null'}`);
    }
  }
  return values;
}

/** Waits until `condition` answers something else than undefined or false. */
export async function until<T>(condition: () => T | undefined | false | Promise<T | undefined | false>): Promise<T> {
  const deadline = Date.now() + 5_000;
  for (;;) {
    const value = await condition();
    if (value !== undefined && value !== false) return value;
    if (Date.now() > deadline) throw new Error('the condition never came true');
    await new Promise((resolve) => setImmediate(resolve));
  }
}

/** Polls until each partition of the fetcher has come to `position`; answers all values by partition. */
export async function drain(fetcher: Fetcher, position: number, partition = 0): Promise<string[]> {
  const values: string[] = [];
  await until(() => {
    for (const fetched of fetcher.poll()) {
      if (fetched.error !== undefined) throw fetched.error;
      if (fetched.partition !== partition) continue;
      values.push(...valuesOf(fetched));
      if (fetched.position >= position) return true;
    }
    return false;
  });
  return values;
}

/** All values that can be seen in a partition now. */
export async function readAll(broker: Broker, name: string, partition = 0): Promise<string[]> {
  const [start] = await broker.listOffsets([{ topic: name, partition }], 'earliest');
  const [end] = await broker.listOffsets([{ topic: name, partition }], 'latest');
  const fetcher = broker.fetcher();
  fetcher.assign(name, partition, start?.offset ?? 0);
  const values = await drain(fetcher, end?.offset ?? 0, partition);
  await fetcher.close();
  return values;
}

/** The code a call fails with. */
export async function codeOf(call: Promise<unknown>): Promise<ErrorCode> {
  try {
    await call;
  } catch (error) {
    if (error instanceof GavelError) return error.code;
    throw error;
  }
  throw new Error('the call did not fail');
}

export const SESSION_MS = 6_000;
export const REBALANCE_MS = 20_000;

export interface Joining {
  readonly memberId?: string;
  readonly instanceId?: string;
  readonly metadata?: string;
  readonly rebalanceTimeoutMs?: number;
}

/** A request to join group `g`. */
export function joining({ memberId = '', instanceId, metadata = '', rebalanceTimeoutMs = REBALANCE_MS }: Joining = {}) {
  return {
    groupId: 'g',
    memberId,
    instanceId: instanceId ?? null,
    sessionTimeoutMs: SESSION_MS,
    rebalanceTimeoutMs,
    metadata: Buffer.from(metadata),
  };
}

/** Joins group `g` alone, or as the only one who still has to, and leads it. */
export async function lead(broker: Broker, join: Joining = {}): Promise<GroupMember> {
  const { memberId, generation } = await broker.groups.join(joining(join));
  const member = { groupId: 'g', memberId, generation };
  await broker.groups.sync({ ...member, assignments: [{ memberId, assignment: Buffer.from('all') }] });
  return member;
}

/** Waits until the member is told of a rebalance. */
export function toldToRejoin(broker: Broker, member: GroupMember): Promise<boolean> {
  return until(async () => {
    try {
      await broker.groups.heartbeat(member);
      return false;
    } catch (error) {
      if ((error as { code?: string }).code === 'REBALANCE_IN_PROGRESS') return true;
      throw error;
    }
  });
}
