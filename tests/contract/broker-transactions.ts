/** The contract of transactions. */

import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { Broker, FetchedPartition, GroupMember, OffsetCommit, Transaction } from '../../streams/broker.ts';
import { VirtualClock } from '../../testing/virtual-clock.ts';
import type { BrokerTraits, OpenBroker, Subject } from './broker-support.ts';
import { TRANSACTION_TIMEOUT_MS, batch, codeOf, lead, readAll, topic, until } from './broker-support.ts';

const NOBODY: GroupMember = { groupId: 'g', generation: -1, memberId: '' };
const AT_7: OffsetCommit = { topic: 'a', partition: 0, offset: 7, metadata: 'm' };
const A_0 = [{ topic: 'a', partition: 0 }];

export function transactionsContract(open: OpenBroker, { virtualTime }: BrokerTraits): void {
  describe('transactions', () => {
    let subject: Subject;
    let broker: Broker;
    let clock: VirtualClock;
    beforeEach(async () => {
      clock = new VirtualClock(1_000_000);
      subject = await open(clock);
      broker = subject.broker;
      await broker.createTopics([topic('a', 2), topic('b')]);
    });
    afterEach(() => subject.close());

    const begin = async (transactionalId = 'id'): Promise<Transaction> => {
      const producer = broker.transactionalProducer(transactionalId);
      await producer.init();
      return producer.begin();
    };

    it('shows records and offsets together, once it is committed', async () => {
      const transaction = await begin();
      await transaction.produce([batch('a', 0, 'x', 'y'), batch('b', 0, 'p')]);
      await transaction.produce([batch('a', 0, 'z')]);
      await transaction.commitOffsets(NOBODY, [AT_7]);
      expect(await readAll(broker, 'a')).toEqual([]);
      expect(await broker.groups.listOffsets('g')).toEqual([]);
      const produced = await transaction.commit();
      expect(produced.map(({ topic: name, baseOffset, count }) => [name, baseOffset, count])).toEqual([
        ['a', 0, 2],
        ['b', 0, 1],
        ['a', 2, 1],
      ]);
      expect(await readAll(broker, 'a')).toEqual(['0=x', '1=y', '2=z']);
      expect(await readAll(broker, 'b')).toEqual(['0=p']);
      expect(await broker.groups.committedOffsets('g', A_0)).toEqual([AT_7]);
    });

    it('takes overlapping calls in their order', async () => {
      const transaction = await begin();
      const calls = Array.from({ length: 20 }, (_, i) => transaction.produce([batch('a', 0, `v${i}`)]));
      await Promise.all([...calls, transaction.commitOffsets(NOBODY, [AT_7])]);
      expect((await transaction.commit()).map(({ baseOffset }) => baseOffset)).toEqual(calls.map((_, i) => i));
      expect(await readAll(broker, 'a')).toEqual(calls.map((_, i) => `${i}=v${i}`));
    });

    it('leaves no record and no offset when it is aborted', async () => {
      const producer = broker.transactionalProducer('id');
      await producer.init();
      const aborted = producer.begin();
      await aborted.produce([batch('a', 0, 'bad')]);
      await aborted.commitOffsets(NOBODY, [AT_7]);
      await aborted.abort();
      await aborted.abort();
      expect(await broker.groups.committedOffsets('g', A_0)).toEqual([]);
      const next = producer.begin();
      await next.produce([batch('a', 0, 'good')]);
      await next.commit();
      expect((await readAll(broker, 'a')).map((value) => value.split('=')[1])).toEqual(['good']);
    });

    it('may be empty', async () => {
      const producer = broker.transactionalProducer('id');
      await producer.init();
      expect(await producer.begin().commit()).toEqual([]);
      await producer.begin().abort();
      const onlyOffsets = producer.begin();
      await onlyOffsets.commitOffsets(NOBODY, [AT_7]);
      expect(await onlyOffsets.commit()).toEqual([]);
      expect(await broker.groups.committedOffsets('g', A_0)).toEqual([AT_7]);
    });

    it('interleaves with others, each whole', async () => {
      const [one, two] = [await begin('one'), await begin('two')];
      await one.produce([batch('a', 0, '1x')]);
      await two.produce([batch('a', 0, '2x')]);
      await one.produce([batch('a', 0, '1y')]);
      await broker.producer().produce([batch('a', 0, 'plain')]);
      await two.abort();
      await one.commit();
      const values = (await readAll(broker, 'a')).map((value) => value.split('=')[1]);
      expect(new Set(values)).toEqual(new Set(['1x', '1y', 'plain']));
      expect(values).toHaveLength(3);
    });

    it('comes one at a time and only after init', async () => {
      const producer = broker.transactionalProducer('id');
      expect(() => producer.begin()).toThrow(expect.objectContaining({ code: 'ILLEGAL_STATE' }));
      await producer.init();
      const transaction = producer.begin();
      expect(() => producer.begin()).toThrow(expect.objectContaining({ code: 'ILLEGAL_STATE' }));
      await transaction.commit();
      expect(await codeOf(transaction.commit())).toBe('ILLEGAL_STATE');
      expect(await codeOf(transaction.produce([batch('a', 0, 'late')]))).toBe('ILLEGAL_STATE');
      producer.begin();
    });

    it('cannot be committed after an error, but aborted', async () => {
      const producer = broker.transactionalProducer('id');
      await producer.init();
      const failed = producer.begin();
      await failed.produce([batch('a', 0, 'x')]);
      expect(await codeOf(failed.produce([batch('nope', 0, 'x')]))).toBe('TOPIC_UNKNOWN');
      expect(await codeOf(failed.commit())).toBe('ILLEGAL_STATE');
      await failed.abort();
      await producer.begin().commit();
      expect(await readAll(broker, 'a')).toEqual([]);
    });

    it('refuses batches that are too large', async () => {
      await broker.createTopics([topic('small', 1, { maxMessageBytes: 100 })]);
      const transaction = await begin();
      expect(await codeOf(transaction.produce([batch('small', 0, 'x'.repeat(100))]))).toBe('RECORD_TOO_LARGE');
      await transaction.abort();
    });

    it('is fenced by init of the same id: nothing of it is ever seen', async () => {
      const old = broker.transactionalProducer('id');
      await old.init();
      const transaction = old.begin();
      await transaction.produce([batch('a', 0, 'zombie')]);
      await transaction.commitOffsets(NOBODY, [AT_7]);
      const fresh = await begin('id');
      expect(await broker.groups.committedOffsets('g', A_0)).toEqual([]);
      expect(await codeOf(transaction.produce([batch('a', 0, 'zombie')]))).toBe('PRODUCER_FENCED');
      await transaction.abort();
      expect(() => old.begin()).toThrow(expect.objectContaining({ code: 'ILLEGAL_STATE' }));
      await fresh.produce([batch('a', 0, 'rightful')]);
      await fresh.commit();
      expect((await readAll(broker, 'a')).map((value) => value.split('=')[1])).toEqual(['rightful']);
      await old.init();
      await old.begin().commit();
    });

    it('is fenced at the commit too', async () => {
      const zombie = await begin('id');
      await zombie.produce([batch('a', 0, 'zombie')]);
      await begin('id');
      expect(await codeOf(zombie.commit())).toBe('PRODUCER_FENCED');
      expect(await readAll(broker, 'a')).toEqual([]);
    });

    it('has a known outcome once init of its id has answered', async () => {
      const transaction = await begin('id');
      await transaction.produce([batch('a', 0, 'x')]);
      await transaction.commitOffsets(NOBODY, [AT_7]);
      const [outcome] = await Promise.allSettled([transaction.commit(), broker.transactionalProducer('id').init()]);
      const offsets = await broker.groups.committedOffsets('g', A_0);
      expect(offsets).toHaveLength(outcome.status === 'fulfilled' ? 1 : 0);
      expect(await readAll(broker, 'a')).toHaveLength(offsets.length);
    });

    it('is aborted by close', async () => {
      const producer = broker.transactionalProducer('id');
      await producer.init();
      const transaction = producer.begin();
      await transaction.produce([batch('a', 0, 'x')]);
      await transaction.commitOffsets(NOBODY, [AT_7]);
      await producer.close();
      expect(await broker.groups.committedOffsets('g', A_0)).toEqual([]);
      expect(await readAll(broker, 'a')).toEqual([]);
    });

    it('makes the offsets it holds unstable until it ends', async () => {
      const first = await begin('one');
      await first.commitOffsets(NOBODY, [AT_7]);
      expect(await codeOf(broker.groups.committedOffsets('g', A_0))).toBe('UNSTABLE_OFFSETS');
      expect(await broker.groups.committedOffsets('g', [{ topic: 'a', partition: 1 }])).toEqual([]);
      await first.commit();
      const second = await begin('two');
      await second.commitOffsets(NOBODY, [{ ...AT_7, offset: 9 }]);
      expect(await codeOf(broker.groups.committedOffsets('g', A_0))).toBe('UNSTABLE_OFFSETS');
      await second.abort();
      expect(await broker.groups.committedOffsets('g', A_0)).toEqual([AT_7]);
    });

    it.runIf(virtualTime)('times out: it is aborted and its producer fenced', async () => {
      const transaction = await begin();
      await transaction.produce([batch('a', 0, 'x')]);
      await transaction.commitOffsets(NOBODY, [AT_7]);
      clock.moveTo(clock.now() + TRANSACTION_TIMEOUT_MS - 1);
      expect(await codeOf(broker.groups.committedOffsets('g', A_0))).toBe('UNSTABLE_OFFSETS');
      clock.moveTo(clock.now() + 1);
      expect(await broker.groups.committedOffsets('g', A_0)).toEqual([]);
      expect(await codeOf(transaction.commit())).toBe('PRODUCER_FENCED');
      expect(await readAll(broker, 'a')).toEqual([]);
    });

    it('takes offsets only of a member in its generation', async () => {
      const member = await lead(broker);
      const transaction = await begin();
      await transaction.commitOffsets(member, [AT_7]);
      await transaction.commit();
      const late = await begin();
      expect(await codeOf(late.commitOffsets({ ...member, generation: 9 }, [AT_7]))).toBe('ILLEGAL_GENERATION');
      expect(await codeOf(late.commit())).toBe('ILLEGAL_STATE');
      await late.abort();
      const stranger = await begin();
      expect(await codeOf(stranger.commitOffsets({ ...member, memberId: 'who' }, [AT_7]))).toBe('UNKNOWN_MEMBER');
      await stranger.abort();
    });

    it('lets a removed member commit what it had added before', async () => {
      const member = await lead(broker);
      const before = await begin('before');
      await before.commitOffsets(member, [AT_7]);
      const after = await begin('after');
      await broker.groups.leave(member);
      expect(await codeOf(after.commitOffsets(member, [{ ...AT_7, offset: 8 }]))).toBe('UNKNOWN_MEMBER');
      await after.abort();
      await before.commit();
      expect(await broker.groups.committedOffsets('g', A_0)).toEqual([AT_7]);
    });

    it('wakes fetchers when it is committed', async () => {
      const fetcher = broker.fetcher();
      fetcher.assign('a', 0, 0);
      await until(() => fetcher.poll().length > 0);
      const transaction = await begin();
      await transaction.produce([batch('a', 0, 'x')]);
      expect(fetcher.poll()).toEqual([]);
      await transaction.commit();
      const seen: FetchedPartition[] = [];
      await until(() => {
        seen.push(...fetcher.poll());
        return seen.length > 0 && seen.at(-1)?.position === seen.at(-1)?.lastStableOffset;
      });
      expect(seen.flatMap(({ batches }) => batches)).toHaveLength(1);
    });
  });
}
