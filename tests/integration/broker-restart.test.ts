/** A broker that is killed and comes back: every batch lands once, in order, and readers go on. */

import { afterEach, beforeEach, expect, it } from 'vitest';
import type { Broker, OffsetCommit } from '../../streams/broker.ts';
import { isGavelError } from '../../streams/errors.ts';
import { batch, readAll, topic, valuesOf } from '../contract/broker-support.ts';
import type { KafkaService } from '../support/services/kafka.ts';
import { startKafka } from '../support/services/kafka.ts';
import type { OpenKafka } from '../support/services/open-kafka.ts';
import { openKafka } from '../support/services/open-kafka.ts';

const NOBODY = { groupId: 'g', generation: -1, memberId: '' };
const PATIENCE = { timeout: 60_000, interval: 20 };
/** Calls that wait for their answers at the same time. */
const AHEAD = 8;

let service: KafkaService;
let kafka: OpenKafka;
let broker: Broker;
beforeEach(async () => {
  service = await startKafka();
  kafka = await openKafka({ bootstrapServers: service.bootstrapServers, retryMs: 60_000 });
  broker = kafka.broker;
  await broker.createTopics([topic('a')]);
});
afterEach(async () => {
  await kafka.close();
  await service[Symbol.asyncDispose]();
});

it('takes each batch of the idempotent producer once and in order, and feeds a reader across the restart', async () => {
  const seen: string[] = [];
  const fetcher = broker.fetcher();
  fetcher.assign('a', 0, 0);
  const producer = broker.producer();
  let next = 0;
  let restarted = false;
  const produce = async (): Promise<void> => {
    while (!restarted) await producer.produce([batch('a', 0, `v${next++}@${Date.now()}`)]);
  };
  const callers = Array.from({ length: AHEAD }, produce);
  await expect.poll(() => next, PATIENCE).toBeGreaterThan(200);
  const before = next;
  await service.restart();
  await expect.poll(() => next, PATIENCE).toBeGreaterThan(before + 200);
  restarted = true;
  await Promise.all(callers);
  const expected = Array.from({ length: next }, (_, i) => `${i}=v${i}`);
  await expect
    .poll(() => {
      for (const fetched of fetcher.poll()) {
        if (fetched.error !== undefined) throw fetched.error;
        seen.push(...valuesOf(fetched));
      }
      return seen.length;
    }, PATIENCE)
    .toBeGreaterThanOrEqual(next);
  expect(seen).toEqual(expected);
  expect(await readAll(broker, 'a')).toEqual(expected);
}, 180_000);

it('says that the outcome is unknown where records are so old that the broker forgets their producer', async () => {
  const producer = broker.producer();
  let sent = 0;
  const failure = (async () => {
    for (;;) await producer.produce([batch('a', 0, `v${sent++}@1`)]);
  })();
  const settled = Promise.allSettled([failure]);
  await expect.poll(() => sent, PATIENCE).toBeGreaterThan(50);
  await service.restart();
  const [outcome] = await settled;
  expect(outcome).toMatchObject({ status: 'rejected', reason: { code: 'OUTCOME_UNKNOWN' } });
  await producer.produce([batch('a', 0, 'after')]);
  const values = (await readAll(broker, 'a')).map((value) => value.split('=')[1]);
  expect(new Set(values).size).toBe(values.length);
}, 180_000);

it('knows the outcome of each transaction after init, whatever became of its calls', async () => {
  const input = { topic: 'input', partition: 0 };
  await broker.createTopics([topic('input')]);
  const producer = broker.transactionalProducer('id');
  const committed = async (): Promise<number> => {
    for (;;) {
      try {
        return (await broker.groups.committedOffsets('g', [input]))[0]?.offset ?? 0;
      } catch (error) {
        if (!isGavelError(error, 'UNSTABLE_OFFSETS')) throw error;
      }
    }
  };
  let restart: Promise<void> | undefined;
  let number = 0;
  await producer.init();
  while (number < 100) {
    if (number === 50) restart ??= service.restart();
    try {
      const transaction = producer.begin();
      const offset: OffsetCommit = { ...input, offset: number + 1, metadata: '' };
      await transaction.produce([batch('a', 0, `v${number}`)]);
      await transaction.commitOffsets(NOBODY, [offset]);
      await transaction.commit();
      number++;
    } catch (error) {
      if (!isGavelError(error) || error.retry === 'never') throw error;
      await producer.init();
      number = await committed();
    }
  }
  await restart;
  expect(number).toBe(await committed());
  const values = (await readAll(broker, 'a')).map((value) => value.split('=')[1]);
  expect(values).toEqual(Array.from({ length: number }, (_, i) => `v${i}`));
}, 180_000);
