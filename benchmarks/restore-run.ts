/** How fast a task gets its state back from its changelog on disk when nothing is left of the state itself. */

import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { levelState } from 'gavel/stores';
import {
  bytesSerde,
  createStreams,
  defineTopic,
  keyValueStore,
  processor,
  source,
  stringSerde,
  topology,
} from 'gavel/streams';
import type { Topology } from 'gavel/streams';
import { sendAll } from './auction-records.ts';
import type { Keyed } from './auction-records.ts';
import { stopwatch } from './report.ts';
import type { RunResult } from './report.ts';
import { openBroker, temporaryDirectory, untilCommitted } from './room.ts';

export interface RestoreOptions {
  /** Rows of 100 bytes, each with a key of its own. */
  readonly records: number;
}

const VALUE_BYTES = 100;
const values = defineTopic({ name: 'values', key: stringSerde, value: bytesSerde, partitions: 1 });

export async function runRestore({ records }: RestoreOptions): Promise<RunResult> {
  await using directory = await temporaryDirectory();
  const state = join(directory.path, 'state');
  await writeChangelog(directory.path, state, records);
  await rm(state, { recursive: true });
  // The broker is another one by now: nothing of the log is in its memory.
  await using broker = await openBroker({ directory: directory.path, durability: 'process' });
  await using app = createStreams({ ...application(state), broker, processing: false });
  const stop = stopwatch();
  await app.start();
  const { seconds, cpuSeconds, threadCpuSeconds } = stop();
  const { value } = await app.store<string, Uint8Array>('values').get(keyOf(records - 1));
  if (value?.length !== VALUE_BYTES) throw new Error('the last row was not restored');
  return {
    figures: {
      'restore.recordsPerSecond': records / seconds,
      'restore.cpuSecondsPerMillion': (cpuSeconds * 1e6) / records,
      'restore.threadCpuSecondsPerMillion': (threadCpuSeconds * 1e6) / records,
    },
  };
}

/** Has the engine write every row once. */
async function writeChangelog(directory: string, state: string, records: number): Promise<void> {
  await using broker = await openBroker({ directory, durability: 'process' });
  await broker.createTopics([values]);
  await sendAll(broker, values, rows(records));
  await using app = createStreams({ ...application(state), broker });
  await app.start();
  await untilCommitted(app, broker);
}

function application(state: string) {
  return { applicationId: 'restore', topology: keepingTopology(), state: levelState({ directory: state }) };
}

function keepingTopology(): Topology {
  const kept = keyValueStore({ name: 'values', key: stringSerde, value: bytesSerde });
  const keep = processor({
    name: 'keep',
    from: [source({ name: 'values', topic: values }).out],
    ports: {},
    stores: { kept },
    create: ({ stores }) => ({ process: ({ key, value }) => stores.kept.put(key, value) }),
  });
  return topology({ keep: [keep] });
}

function* rows(count: number): Generator<Keyed<Uint8Array>> {
  for (let number = 0; number < count; number++) {
    const value = Buffer.alloc(VALUE_BYTES, 'abcdefghijklmnopqrstuvwxyz');
    value.writeDoubleBE(Math.sin(number));
    yield { key: keyOf(number), value };
  }
}

/** Not in the order of writing, as keys are. */
function keyOf(number: number): string {
  return `row-${Math.imul(number, 0x9e37_79b1) >>> 0}`;
}
