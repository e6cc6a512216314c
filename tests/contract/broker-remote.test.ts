/** The broker over a local socket keeps the contract. */

import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { memoryBroker, openEmbeddedBroker } from '../../broker/index.ts';
import { connectBroker } from '../../broker/remote/client.ts';
import { serveBroker } from '../../broker/remote/server.ts';
import { GavelError } from '../../streams/errors.ts';
import { stringSerde } from '../../streams/serde.ts';
import { defineTopic } from '../../streams/topic.ts';
import type { Broker } from '../../streams/broker.ts';
import type { Clock } from '../../streams/time.ts';
import type { OpenBroker } from './broker-support.ts';
import { TRANSACTION_TIMEOUT_MS } from './broker-support.ts';
import { brokerContract } from './broker.ts';

async function socketDirectory(): Promise<string> {
  return mkdtemp(join(tmpdir(), 'gavel-socket-'));
}

type Served = (clock: Clock, directory: string) => Broker | Promise<Broker>;

/** A client of a served broker. */
function remote(serve: Served): OpenBroker {
  return async (clock) => {
    const directory = await socketDirectory();
    const path = join(directory, 'gavel.sock');
    const served = await serve(clock, directory);
    const server = await serveBroker(served, { path });
    const broker = await connectBroker({ path });
    return {
      broker,
      async close() {
        await broker.close();
        await server[Symbol.asyncDispose]();
        await served.close();
        await rm(directory, { recursive: true });
      },
    };
  };
}

const transactionTimeoutMs = TRANSACTION_TIMEOUT_MS;
const owner = { command: 'vitest', pid: process.pid };

brokerContract(
  'remote over memory',
  remote((clock) => memoryBroker({ clock, transactionTimeoutMs })),
);
brokerContract(
  'remote over embedded',
  remote((clock, directory) =>
    openEmbeddedBroker({ directory, owner, clock, transactionTimeoutMs, durability: 'process' }),
  ),
);

async function serving<T>(work: (path: string, broker: Broker) => Promise<T>): Promise<T> {
  const directory = await socketDirectory();
  const path = join(directory, 'gavel.sock');
  const broker = memoryBroker();
  const server = await serveBroker(broker, {
    path,
    call: (method, args) =>
      method === 'echo'
        ? Promise.resolve(args)
        : Promise.reject(new GavelError('USAGE', `no ${method}`, { hint: 'say echo' })),
  });
  try {
    return await work(path, broker);
  } finally {
    await server[Symbol.asyncDispose]();
    await broker.close();
    await rm(directory, { recursive: true });
  }
}

test('calls of the application are answered, errors with code and hint', async () => {
  await serving(async (path) => {
    const client = await connectBroker({ path });
    expect(await client.call('echo', { a: [1, 'b', null] })).toEqual({ a: [1, 'b', null] });
    await expect(client.call('shout', null)).rejects.toMatchObject({ code: 'USAGE', hint: 'say echo' });
    await client.close();
  });
});

test('a client that is gone leaves no transaction open', async () => {
  await serving(async (path, broker) => {
    await broker.createTopics([
      {
        name: 't',
        partitions: 1,
        config: {
          cleanup: 'delete',
          retentionMs: -1,
          timestampType: 'create',
          deleteRetentionMs: 0,
          maxMessageBytes: 1_000_000,
        },
      },
    ]);
    const offset = { topic: 't', partition: 0, offset: 5, metadata: '' };
    const client = await connectBroker({ path });
    const producer = client.transactionalProducer('x');
    await producer.init();
    const transaction = producer.begin();
    await transaction.commitOffsets({ groupId: 'g', generation: -1, memberId: '' }, [offset]);
    await expect(broker.groups.committedOffsets('g', [offset])).rejects.toMatchObject({ code: 'UNSTABLE_OFFSETS' });
    await client.close();
    await expect.poll(() => broker.groups.committedOffsets('g', [offset])).toEqual([]);
  });
});

test('a server that is gone ends what waits: unknown where it matters', async () => {
  const lost = await serving(async (path, broker) => {
    const client = await connectBroker({ path });
    const held = Promise.withResolvers<undefined>();
    (broker as ReturnType<typeof memoryBroker>).control.intercept(() => held.promise);
    const producer = client.producer();
    const produced = producer.produce([{ topic: 't', partition: 0, bytes: Buffer.alloc(70), count: 1 }]);
    const described = client.describeTopics();
    const answers = Promise.allSettled([produced, described]);
    return { answers, held };
  });
  const [produced, described] = await lost.answers;
  lost.held.resolve(undefined);
  expect(produced).toMatchObject({ status: 'rejected', reason: { code: 'OUTCOME_UNKNOWN' } });
  expect(described).toMatchObject({ status: 'rejected', reason: { code: 'BROKER_UNAVAILABLE' } });
});

test('a topic is created although it has serdes', async () => {
  await serving(async (path) => {
    const client = await connectBroker({ path });
    await client.createTopics([defineTopic({ name: 'typed', key: stringSerde, value: stringSerde })]);
    expect(await client.describeTopics()).toMatchObject([{ name: 'typed', partitions: 3 }]);
    await client.close();
  });
});

test('nobody listens', async () => {
  await expect(connectBroker({ path: join(tmpdir(), 'gavel-nobody.sock') })).rejects.toMatchObject({
    code: 'BROKER_UNAVAILABLE',
  });
});
