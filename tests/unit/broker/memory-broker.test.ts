/** What tests may do to the memory broker, and where it shows what Kafka shows. */

import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import type { MemoryBroker } from '../../../broker/index.ts';
import { memoryBroker } from '../../../broker/index.ts';
import { VirtualClock } from '../../../testing/virtual-clock.ts';
import { batch, codeOf, drain, joining, lead, readAll, topic, until } from '../../contract/broker-support.ts';

const A_0 = [{ topic: 'a', partition: 0 }];
const NOBODY = { groupId: 'g', generation: -1, memberId: '' };

let broker: MemoryBroker;
let clock: VirtualClock;
beforeEach(async () => {
  clock = new VirtualClock(1_000);
  broker = memoryBroker({ clock, transactionTimeoutMs: 10_000 });
  await broker.createTopics([topic('a', 2), topic('changes', 1, { cleanup: 'compact' })]);
});
afterEach(() => broker.close());

const latest = async (): Promise<number | undefined> => (await broker.listOffsets(A_0, 'latest'))[0]?.offset;

async function transaction(transactionalId: string) {
  const producer = broker.transactionalProducer(transactionalId);
  await producer.init();
  return producer.begin();
}

describe('as on Kafka', () => {
  test('a transaction takes one more offset per partition, committed or aborted', async () => {
    for (const end of ['commit', 'abort'] as const) {
      const open = await transaction('id');
      await open.produce([batch('a', 0, 'x', 'y'), batch('a', 1, 'z')]);
      await open[end]();
    }
    const both = [0, 1].map((partition) => ({ topic: 'a', partition }));
    expect((await broker.listOffsets(both, 'latest')).map(({ offset }) => offset)).toEqual([6, 4]);
    expect(await readAll(broker, 'a')).toEqual(['0=x', '1=y']);
  });

  test('an open transaction holds the last stable offset back, others behind it wait', async () => {
    const open = await transaction('id');
    await broker.producer().produce([batch('a', 0, 'before')]);
    await open.produce([batch('a', 0, 'open')]);
    await broker.producer().produce([batch('a', 0, 'behind')]);
    expect(await latest()).toBe(1);
    const fetcher = broker.fetcher();
    fetcher.assign('a', 0, 0);
    expect(await drain(fetcher, 1)).toEqual(['0=before']);
    await open.commit();
    expect(await drain(fetcher, 4)).toEqual(['1=open', '2=behind']);
    expect(await latest()).toBe(4);
  });

  test('the position passes markers and aborted records', async () => {
    const open = await transaction('id');
    await open.produce([batch('a', 0, 'x'), batch('a', 0, 'y')]);
    await open.abort();
    const fetcher = broker.fetcher();
    fetcher.assign('a', 0, 0);
    const [fetched] = await until(() => {
      const news = fetcher.poll();
      return news.length > 0 && news;
    });
    expect(fetched).toMatchObject({ batches: [], position: 3, lastStableOffset: 3 });
  });
});

describe('faults', () => {
  test.each(['produce', 'commitOffsets', 'commit', 'abort'] as const)(
    '%s can be lost before it is applied',
    async (lost) => {
      const open = await transaction('id');
      const stop = broker.control.intercept(({ operation }) => (operation === lost ? 'fail' : undefined));
      const calls = {
        produce: () => open.produce([batch('a', 0, 'x')]),
        commitOffsets: () =>
          open.commitOffsets(NOBODY, [{ ...A_0[0], topic: 'a', partition: 0, offset: 1, metadata: '' }]),
        commit: () => open.commit(),
        abort: () => open.abort(),
      };
      expect(await codeOf(calls[lost]())).toBe('OUTCOME_UNKNOWN');
      stop();
      expect(await readAll(broker, 'a')).toEqual([]);
      await broker.transactionalProducer('id').init();
      expect(await broker.groups.committedOffsets('g', A_0)).toEqual([]);
    },
  );

  test('a lost answer leaves a commit applied, which init and the offsets tell', async () => {
    const producer = broker.transactionalProducer('id');
    await producer.init();
    const open = producer.begin();
    await open.produce([batch('a', 0, 'x')]);
    await open.commitOffsets(NOBODY, [{ topic: 'a', partition: 0, offset: 1, metadata: '' }]);
    const stop = broker.control.intercept(({ operation }) => (operation === 'commit' ? 'apply-then-fail' : undefined));
    expect(await codeOf(open.commit())).toBe('OUTCOME_UNKNOWN');
    stop();
    expect(() => producer.begin()).toThrow(expect.objectContaining({ code: 'ILLEGAL_STATE' }));
    await producer.init();
    expect(await broker.groups.committedOffsets('g', A_0)).toMatchObject([{ offset: 1 }]);
    expect(await readAll(broker, 'a')).toEqual(['0=x']);
  });

  test('a held request is applied when it is let go: too late for a fenced producer', async () => {
    const zombie = await transaction('id');
    await zombie.produce([batch('a', 0, 'zombie')]);
    const held = Promise.withResolvers<undefined>();
    const stop = broker.control.intercept(({ operation }) => (operation === 'commit' ? held.promise : undefined));
    const committing = codeOf(zombie.commit());
    await until(() => broker.control.idle());
    expect(await latest()).toBe(0);
    stop();
    await (await transaction('id')).commit();
    held.resolve(undefined);
    expect(await committing).toBe('PRODUCER_FENCED');
    expect(await readAll(broker, 'a')).toEqual([]);
  });

  test('requests of one producer do not overtake a held one', async () => {
    const held = Promise.withResolvers<undefined>();
    let first = true;
    broker.control.intercept(({ operation }) => {
      if (operation !== 'produce' || !first) return undefined;
      first = false;
      return held.promise;
    });
    const producer = broker.producer();
    const calls = ['x', 'y', 'z'].map((value) => producer.produce([batch('a', 0, value)]));
    await until(() => broker.control.idle());
    held.resolve(undefined);
    expect((await Promise.all(calls)).map(([at]) => at?.baseOffset)).toEqual([0, 1, 2]);
  });

  test('a fetch can be held, and what reads only can be sent again', async () => {
    await broker.producer().produce([batch('a', 0, 'x')]);
    const held = Promise.withResolvers<undefined>();
    const stop = broker.control.intercept(({ operation, topic: name }) => {
      return operation === 'fetch' && name === 'a' ? held.promise : operation === 'listOffsets' ? 'fail' : undefined;
    });
    expect(await codeOf(latest())).toBe('BROKER_UNAVAILABLE');
    const fetcher = broker.fetcher();
    fetcher.assign('a', 0, 0);
    await until(() => broker.control.idle());
    expect(fetcher.poll()).toEqual([]);
    stop();
    held.resolve(undefined);
    expect(await drain(fetcher, 1)).toEqual(['0=x']);
  });

  test('interceptors see who asks', async () => {
    const seen: unknown[] = [];
    broker.control.intercept((call) => void seen.push(call));
    const open = await transaction('id');
    await open.produce([batch('a', 0, 'x')]);
    await broker.groups.heartbeat({ groupId: 'g', generation: 1, memberId: 'm' }).catch(() => undefined);
    expect(seen).toEqual([
      { operation: 'init', transactionalId: 'id' },
      { operation: 'produce', transactionalId: 'id', topic: 'a' },
      { operation: 'heartbeat', groupId: 'g', memberId: 'm' },
    ]);
  });
});

describe('control', () => {
  test('idle: nothing is under way and nothing waits to be polled', async () => {
    expect(broker.control.idle()).toBe(true);
    const fetcher = broker.fetcher();
    fetcher.assign('a', 0, 0);
    expect(broker.control.idle()).toBe(false);
    await until(() => fetcher.poll().length > 0);
    expect(broker.control.idle()).toBe(true);
    const produced = broker.producer().produce([batch('a', 0, 'x')]);
    await Promise.resolve();
    expect(broker.control.idle()).toBe(false);
    await produced;
    await new Promise((resolve) => setImmediate(resolve));
    expect(broker.control.idle()).toBe(false);
    fetcher.pause('a', 0);
    expect(broker.control.idle()).toBe(true);
    fetcher.resume('a', 0);
    expect(await drain(fetcher, 1)).toEqual(['0=x']);
    expect(broker.control.idle()).toBe(true);
  });

  test('idle: a join that waits for others is not under way', async () => {
    const member = await lead(broker);
    const joined = broker.groups.join(joining());
    await until(() => broker.control.idle());
    expect(await codeOf(broker.groups.heartbeat(member))).toBe('REBALANCE_IN_PROGRESS');
    await broker.groups.leave(member);
    expect((await joined).generation).toBe(member.generation + 1);
  });

  test('bumpGeneration, rebalance and expire reach the members', async () => {
    const member = await lead(broker);
    broker.control.rebalance('g');
    expect(await codeOf(broker.groups.heartbeat(member))).toBe('REBALANCE_IN_PROGRESS');
    const again = await lead(broker, { memberId: member.memberId });
    broker.control.bumpGeneration('g');
    expect(await codeOf(broker.groups.heartbeat(again))).toBe('ILLEGAL_GENERATION');
    broker.control.expire(again.memberId);
    expect(await codeOf(broker.groups.heartbeat(again))).toBe('UNKNOWN_MEMBER');
  });

  test('fence shuts a producer out and aborts what it left open', async () => {
    const open = await transaction('id');
    await open.produce([batch('a', 0, 'x')]);
    broker.control.fence('id');
    expect(await latest()).toBe(2);
    expect(await codeOf(open.commit())).toBe('PRODUCER_FENCED');
    expect(await readAll(broker, 'a')).toEqual([]);
  });

  test('compact leaves gaps, and tombstones unless told otherwise', async () => {
    const producer = broker.producer();
    await producer.produce([batch('changes', 0, 'k:1', 'l:2'), batch('changes', 0, 'k:3', 'm:4', 'm:5')]);
    broker.control.compact('changes');
    expect(await readAll(broker, 'changes')).toEqual(['1=2', '2=3', '4=5']);
    const open = await transaction('id');
    await open.produce([batch('changes', 0, 'k:6')]);
    await open.commit();
    broker.control.compact('changes');
    expect(await readAll(broker, 'changes')).toEqual(['1=2', '4=5', '5=6']);
    expect(await producer.produce([batch('changes', 0, 'n:7')])).toMatchObject([{ baseOffset: 7 }]);
  });
});
