/**
 * The commit, in numbered steps (DESIGN.md, "The engine"). The cut stands between two records:
 *
 *   1 flush what operators hold back, in topological order
 *   2 freeze the epoch: dirty rows, outputs, input offsets, times
 *
 * The rest runs while the next epoch is processed:
 *
 *   3 produce outputs and changelog in one transaction
 *   4 add the input offsets, fenced by group generation and member id
 *   5 end the transaction
 *   6 apply the epoch to each task's storage in one atomic batch
 *
 * | it fails or dies in | the log has          | the storage has | what happens next                                        |
 * |---------------------|----------------------|-----------------|----------------------------------------------------------|
 * | 1, 2                | nothing              | nothing         | the epoch runs again from the group's offsets            |
 * | 3, 4                | nothing committed    | nothing         | `init` aborts what is open; as above                     |
 * | 5                   | all or nothing       | nothing         | `init` forces the outcome; restore reads the changelog's |
 * |                     |                      |                 | tail; go on at the group's offsets                       |
 * | 6                   | all                  | nothing, or all | restore reads the tail, which may be empty               |
 */

import { setImmediate as nextTurn } from 'node:timers/promises';
import type {
  GroupMember,
  OffsetCommit,
  ProducedBatch,
  ProducedOffset,
  Producer,
  TransactionalProducer,
} from '../broker.ts';
import type { Broker } from '../broker.ts';
import { NO_HEADERS } from '../record.ts';
import type { StorageBatch } from '../state.ts';
import type { Clock } from '../time.ts';
import type { MetricsHook } from './metrics.ts';
import { OutputBuffer } from './output-buffer.ts';
import type { RunningTask } from './running-task.ts';
import { offsetsByPartition } from './task-state.ts';
import type { StateMeta } from './task-state.ts';

/** The numbered steps; a test may have an instance die before any of them. */
export type CommitStep = 1 | 2 | 3 | 4 | 5 | 6;

/** Milliseconds that encoding may keep the loop before it yields. */
const SLICE_MS = 8;

/** A frozen epoch. */
export interface Epoch {
  readonly outputs: readonly ProducedBatch[];
  readonly tasks: readonly { readonly task: RunningTask; readonly offsets: readonly OffsetCommit[] }[];
  readonly member: GroupMember;
}

/** Where an epoch goes. */
export interface CommitPorts {
  readonly broker: Broker;
  /** With exactly-once; else `producer` is used. */
  readonly transactions: TransactionalProducer | undefined;
  readonly producer: Producer;
  readonly clock: Clock;
  readonly metrics: MetricsHook;
  /** Called before each step; may throw to simulate a crash. */
  readonly onStep: (step: CommitStep) => void;
}

/** Step 1; waits only where something behind a flush does. Nothing may be processed until step 2. @throws TaskFailure */
export async function flushTasks(tasks: readonly RunningTask[], { onStep }: CommitPorts): Promise<void> {
  onStep(1);
  for (const { task } of tasks) await task.flush();
}

/** Step 2. */
export function freezeEpoch(
  tasks: readonly RunningTask[],
  outputs: OutputBuffer,
  member: GroupMember,
  { onStep }: CommitPorts,
): Epoch {
  onStep(2);
  const dirty = tasks.filter((task) => task.isDirty);
  return { tasks: dirty.map((task) => ({ task, offsets: task.task.freeze() })), outputs: outputs.take(), member };
}

/** Steps 3 to 6. After any error but in step 6 the outcome is unknown: never call this again for the epoch. */
export async function commitEpoch(epoch: Epoch, ports: CommitPorts): Promise<void> {
  const batches = epoch.tasks.map(({ task }) => task.task.state.storage.batch());
  let unused: readonly StorageBatch[] = batches;
  try {
    const changelog = await encodeEpoch(epoch, batches, ports);
    const positions = changelogPositions(await sendEpoch(epoch, [...epoch.outputs, ...changelog], ports));
    ports.onStep(6);
    unused = [];
    await Promise.all(
      epoch.tasks.map(({ task, offsets }, i) => {
        const meta = task.metaAfter(offsetsByPartition(offsets), positions, ports.clock.now());
        return applyEpoch(task, batches[i] as StorageBatch, meta, ports);
      }),
    );
  } finally {
    for (const batch of unused) await batch.discard();
  }
}

/** Step 6 of one task. Queries see the offsets only once they see the rows. */
async function applyEpoch(
  running: RunningTask,
  batch: StorageBatch,
  meta: StateMeta,
  { clock, metrics }: CommitPorts,
): Promise<void> {
  const { state, streamTime, labels } = running.task;
  state.writeMeta(batch, meta);
  await batch.write();
  state.applied();
  running.advance(meta);
  if (streamTime >= 0)
    metrics.observe('record_e2e_latency_seconds', Math.max(0, clock.now() - streamTime) / 1_000, labels);
}

async function sendEpoch(
  epoch: Epoch,
  batches: readonly ProducedBatch[],
  ports: CommitPorts,
): Promise<readonly ProducedOffset[]> {
  const offsets = epoch.tasks.flatMap((task) => task.offsets);
  if (ports.transactions === undefined) {
    ports.onStep(3);
    const produced = batches.length > 0 ? await ports.producer.produce(batches) : [];
    ports.onStep(4);
    await ports.broker.groups.commitOffsets(epoch.member, offsets);
    ports.onStep(5);
    return produced;
  }
  const transaction = ports.transactions.begin();
  ports.onStep(3);
  if (batches.length > 0) await transaction.produce(batches);
  ports.onStep(4);
  await transaction.commitOffsets(epoch.member, offsets);
  ports.onStep(5);
  return transaction.commit();
}

/** Encodes each dirty row once, for changelog and storage, yielding to the loop between slices. Answers the changelog's batches. */
async function encodeEpoch(
  epoch: Epoch,
  batches: readonly StorageBatch[],
  { clock }: CommitPorts,
): Promise<readonly ProducedBatch[]> {
  const changelog = new OutputBuffer();
  const timestamp = clock.now();
  let sliceEnd = performance.now() + SLICE_MS;
  for (const [i, { task }] of epoch.tasks.entries()) {
    const { changelogTarget: target, partition } = task;
    const encoding = task.task.state.encode(batches[i] as StorageBatch, (key, value) => {
      if (target !== undefined)
        changelog.appendBytes(target, partition, { timestamp, key, value, headers: NO_HEADERS });
    });
    while (encoding.next().done !== true) {
      if (performance.now() < sliceEnd) continue;
      await nextTurn();
      sliceEnd = performance.now() + SLICE_MS;
    }
  }
  return changelog.take();
}

/** Behind the last record of each partition. */
function changelogPositions(
  produced: readonly ProducedOffset[],
): ReadonlyMap<string, { readonly position: number; readonly leaderEpoch: number }> {
  const positions = new Map<string, { readonly position: number; readonly leaderEpoch: number }>();
  for (const { topic, partition, baseOffset, count, leaderEpoch } of produced) {
    positions.set(`${topic}:${partition}`, { position: baseOffset + count, leaderEpoch });
  }
  return positions;
}
