/**
 * A step of one's own: tells, once and by record time, which orders were not paid within 30 s. Log and state are on disk,
 * so the second part of this file goes on where the first one stopped. Run it: `node examples/02-processor-api.ts`
 */

import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { openEmbeddedBroker, readRecords, recordProducer } from 'gavel/broker';
import { levelState } from 'gavel/stores';
import {
  createStreams,
  defineTopic,
  integerSerde,
  keyValueStore,
  port,
  processor,
  sink,
  source,
  stringSerde,
  topology,
} from 'gavel/streams';

const PAY_WITHIN_MS = 30_000;
const orders = defineTopic({ name: 'orders', key: stringSerde, value: stringSerde, partitions: 1 });
const overdue = defineTopic({ name: 'overdue', key: stringSerde, value: integerSerde, partitions: 1 });

// When each unpaid order is due, with an index in that order.
const unpaid = keyValueStore({
  name: 'unpaid',
  key: stringSerde,
  value: integerSerde,
  indexes: { due: (_order, dueAt) => dueAt },
});

const watch = processor({
  name: 'watch',
  from: [source({ name: 'orders', topic: orders }).out],
  ports: { overdue: port<string, number>() },
  stores: { unpaid },
  create: (context) => ({
    process({ key, value, timestamp }) {
      if (value === 'paid') return context.stores.unpaid.delete(key);
      context.stores.unpaid.put(key, timestamp + PAY_WITHIN_MS);
      context.wakeAt(timestamp + PAY_WITHIN_MS);
    },
    // Called before the first record of that time or later, with a limit, so that a million things due at once stop nothing else.
    async wake(time, limit) {
      for (const { key, value } of await context.stores.unpaid.scanIndex('due', { lte: time, limit })) {
        context.stores.unpaid.delete(key);
        context.forward('overdue', key, value, { timestamp: value });
      }
      return context.stores.unpaid.firstOrder('due');
    },
  }),
});
const reminders = topology({ reminders: [sink({ name: 'overdue', from: [watch.out.overdue], topic: overdue })] });

const directory = await mkdtemp(join(tmpdir(), 'gavel-example-'));
const noon = Date.UTC(2026, 0, 1, 12);
const event = (order: string, value: string, seconds: number) => ({
  key: order,
  value,
  timestamp: noon + seconds * 1_000,
});
await run([event('tea', 'ordered', 0), event('coffee', 'ordered', 5), event('coffee', 'paid', 20)]);
await run([event('milk', 'ordered', 60)]);
await rm(directory, { recursive: true });

/** Opens everything, has the records judged, tells what is overdue and closes everything. */
async function run(records: readonly ReturnType<typeof event>[]): Promise<void> {
  const owner = { command: 'example', pid: process.pid };
  const broker = await openEmbeddedBroker({ directory: join(directory, 'log'), owner });
  const state = levelState({ directory: join(directory, 'state') });
  const app = createStreams({ applicationId: 'reminders', topology: reminders, broker, state });
  await app.start();
  const [sent] = await recordProducer(broker).send(orders, records);
  // A query can wait until its task has committed what was sent.
  const offset = (sent?.baseOffset ?? 0) + records.length;
  const milk = await app
    .store<string, number>('unpaid')
    .get('milk', { atLeast: { topic: 'orders', partition: 0, offset } });
  console.log(`milk is due at ${milk.value === undefined ? 'no time' : new Date(milk.value).toISOString()}`);

  const [end] = await broker.listOffsets([{ topic: 'overdue', partition: 0 }], 'latest');
  for await (const { key, value } of readRecords(broker, [
    { topic: 'overdue', partition: 0, from: 0, to: end?.offset ?? 0 },
  ])) {
    if (key === null || value === null) continue;
    const dueAt = new Date(integerSerde.deserialize(value));
    console.log(`${key.toString()} was not paid by ${dueAt.toISOString()}`);
  }
  await app.close();
  await broker.close();
}
