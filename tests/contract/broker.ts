/** The contract of the broker port: run over every adapter. One test per promise of `streams/broker.ts`. */

import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { Broker } from '../../streams/broker.ts';
import { VirtualClock } from '../../testing/virtual-clock.ts';
import type { BrokerTraits, OpenBroker, Subject } from './broker-support.ts';
import { fetcherContract } from './broker-fetcher.ts';
import { groupsContract } from './broker-groups.ts';
import { VIRTUAL_TIME, batch, codeOf, joining, readAll, topic, until } from './broker-support.ts';
import { transactionsContract } from './broker-transactions.ts';

export function brokerContract(name: string, open: OpenBroker, traits: BrokerTraits = VIRTUAL_TIME): void {
  describe(`broker contract: ${name}`, () => {
    topicsContract(open);
    producerContract(open, traits);
    fetcherContract(open);
    transactionsContract(open, traits);
    groupsContract(open, traits);
  });
}

function topicsContract(open: OpenBroker): void {
  describe('topics', () => {
    let subject: Subject;
    let broker: Broker;
    beforeEach(async () => {
      subject = await open(new VirtualClock(1_000_000));
      broker = subject.broker;
    });
    afterEach(() => subject.close());

    it('creates those that are missing and leaves the others alone', async () => {
      await broker.createTopics([topic('a', 2, { retentionMs: 5 })]);
      const [before] = await broker.describeTopics();
      await broker.createTopics([topic('a', 2), topic('b')]);
      const after = await broker.describeTopics();
      expect(after[0]).toEqual(before);
      expect(after[0]).toMatchObject({ name: 'a', partitions: 2, config: { retentionMs: 5, cleanup: 'delete' } });
      expect(after[1]).toMatchObject({ name: 'b', partitions: 1 });
    });

    it('creates a topic once, though several ask at the same time', async () => {
      await Promise.all([broker.createTopics([topic('a')]), broker.createTopics([topic('a'), topic('a')])]);
      expect(await broker.describeTopics()).toHaveLength(1);
    });

    it('refuses another partition count, and creates nothing of the call', async () => {
      await broker.createTopics([topic('a', 2)]);
      expect(await codeOf(broker.createTopics([topic('new'), topic('a', 3)]))).toBe('TOPIC_MISMATCH');
      expect((await broker.describeTopics()).map(({ name }) => name)).toEqual(['a']);
    });

    it('describes those of the named topics that exist, sorted by name', async () => {
      await broker.createTopics([topic('b'), topic('a'), topic('c')]);
      expect((await broker.describeTopics()).map(({ name }) => name)).toEqual(['a', 'b', 'c']);
      expect((await broker.describeTopics(['c', 'nope', 'a'])).map(({ name }) => name)).toEqual(['a', 'c']);
    });

    it('gives a topic that is created again another id and no records', async () => {
      await broker.createTopics([topic('a')]);
      const [before] = await broker.describeTopics(['a']);
      await broker.producer().produce([batch('a', 0, 'x')]);
      await broker.deleteTopics(['a', 'missing']);
      expect(await broker.describeTopics()).toEqual([]);
      await broker.createTopics([topic('a')]);
      const [after] = await broker.describeTopics(['a']);
      expect(after?.id).not.toBe(before?.id);
      expect(await broker.listOffsets([{ topic: 'a', partition: 0 }], 'latest')).toMatchObject([{ offset: 0 }]);
      await broker.producer().produce([batch('a', 0, 'y')]);
      expect(await readAll(broker, 'a')).toEqual(['0=y']);
    });

    it('forgets the offsets of groups on a deleted topic', async () => {
      await broker.createTopics([topic('a')]);
      const nobody = { groupId: 'g', generation: -1, memberId: '' };
      await broker.groups.commitOffsets(nobody, [{ topic: 'a', partition: 0, offset: 3, metadata: '' }]);
      await broker.deleteTopics(['a']);
      expect(await until(async () => (await broker.groups.listOffsets('g')).length === 0)).toBe(true);
    });

    it('drops records below an offset', async () => {
      await broker.createTopics([topic('a', 2)]);
      await broker.producer().produce([batch('a', 0, 'x', 'y', 'z'), batch('a', 1, 'p')]);
      await broker.deleteRecords([{ topic: 'a', partition: 0, offset: 2 }]);
      await broker.deleteRecords([{ topic: 'a', partition: 0, offset: 1 }]);
      const both = [0, 1].map((partition) => ({ topic: 'a', partition }));
      expect((await broker.listOffsets(both, 'earliest')).map(({ offset }) => offset)).toEqual([2, 0]);
      expect(await readAll(broker, 'a')).toEqual(['2=z']);
      await broker.deleteRecords([{ topic: 'a', partition: 0, offset: 3 }]);
      expect(await readAll(broker, 'a')).toEqual([]);
      expect(await broker.producer().produce([batch('a', 0, 'n')])).toMatchObject([{ baseOffset: 3 }]);
    });

    it('refuses to drop records that are not there yet', async () => {
      await broker.createTopics([topic('a')]);
      expect(await codeOf(broker.deleteRecords([{ topic: 'a', partition: 0, offset: 1 }]))).toBe('OFFSET_OUT_OF_RANGE');
      expect(await codeOf(broker.deleteRecords([{ topic: 'b', partition: 0, offset: 0 }]))).toBe('TOPIC_UNKNOWN');
    });

    it('finds offsets by time', async () => {
      await broker.createTopics([topic('a', 2)]);
      const producer = broker.producer();
      await producer.produce([batch('a', 0, 'x@100', 'y@300', 'z@200')]);
      await producer.produce([batch('a', 0, 'u@250', 'v@400')]);
      const at = async (time: number) => (await broker.listOffsets([{ topic: 'a', partition: 0 }], time))[0]?.offset;
      expect([await at(0), await at(100), await at(101), await at(300), await at(301)]).toEqual([0, 0, 1, 1, 4]);
      expect([await at(400), await at(401)]).toEqual([4, 5]);
      await broker.deleteRecords([{ topic: 'a', partition: 0, offset: 2 }]);
      expect([await at(100), await at(250)]).toEqual([2, 3]);
      expect(await codeOf(broker.listOffsets([{ topic: 'a', partition: 2 }], 0))).toBe('TOPIC_UNKNOWN');
      expect(await codeOf(broker.listOffsets([{ topic: 'b', partition: 0 }], 'latest'))).toBe('TOPIC_UNKNOWN');
    });
  });
}

function producerContract(open: OpenBroker, { virtualTime }: BrokerTraits): void {
  describe('producer', () => {
    let subject: Subject;
    let broker: Broker;
    let clock: VirtualClock;
    beforeEach(async () => {
      clock = new VirtualClock(1_000_000);
      subject = await open(clock);
      broker = subject.broker;
      await broker.createTopics([topic('a', 2)]);
    });
    afterEach(() => subject.close());

    it('answers where each batch went', async () => {
      const producer = broker.producer();
      const produced = await producer.produce([batch('a', 0, 'x', 'y'), batch('a', 1, 'p'), batch('a', 0, 'z')]);
      expect(produced).toEqual([
        { topic: 'a', partition: 0, baseOffset: 0, count: 2, timestamp: -1, leaderEpoch: 0 },
        { topic: 'a', partition: 1, baseOffset: 0, count: 1, timestamp: -1, leaderEpoch: 0 },
        { topic: 'a', partition: 0, baseOffset: 2, count: 1, timestamp: -1, leaderEpoch: 0 },
      ]);
      await producer.close();
    });

    it('keeps the order of the calls, though none is awaited', async () => {
      const producer = broker.producer();
      const calls = Array.from({ length: 50 }, (_, i) => producer.produce([batch('a', 0, `v${i}`)]));
      const bases = (await Promise.all(calls)).map(([first]) => first?.baseOffset);
      expect(bases).toEqual(Array.from({ length: 50 }, (_, i) => i));
      expect(await readAll(broker, 'a')).toEqual(Array.from({ length: 50 }, (_, i) => `${i}=v${i}`));
    });

    it.runIf(virtualTime)('stamps records of an append topic with a time that never goes back', async () => {
      let now = 1_000_000;
      const other = await open({ now: () => now, setTimer: () => ({ cancel() {} }) });
      await other.broker.createTopics([topic('stamped', 1, { timestampType: 'append' })]);
      const producer = other.broker.producer();
      const stamps: (number | undefined)[] = [];
      for (const time of [1_000_000, 1_000_005, 999_000]) {
        now = time;
        stamps.push((await producer.produce([batch('stamped', 0, 'x@7', 'y@9')]))[0]?.timestamp);
      }
      expect(stamps).toEqual([1_000_000, 1_000_005, 1_000_005]);
      const partitions = [{ topic: 'stamped', partition: 0 }];
      expect(await other.broker.listOffsets(partitions, 1_000_001)).toMatchObject([{ offset: 2 }]);
      await other.close();
    });

    it('refuses unknown topics, unknown partitions and batches that are too large, appending nothing', async () => {
      await broker.createTopics([topic('small', 1, { maxMessageBytes: 100 })]);
      const producer = broker.producer();
      expect(await codeOf(producer.produce([batch('a', 0, 'x'), batch('nope', 0, 'x')]))).toBe('TOPIC_UNKNOWN');
      expect(await codeOf(producer.produce([batch('a', 0, 'x'), batch('a', 2, 'x')]))).toBe('TOPIC_UNKNOWN');
      const large = batch('small', 0, 'x'.repeat(100));
      expect(await codeOf(producer.produce([batch('a', 0, 'x'), large]))).toBe('RECORD_TOO_LARGE');
      expect(await readAll(broker, 'a')).toEqual([]);
      await producer.produce([batch('a', 0, 'after')]);
      expect(await readAll(broker, 'a')).toEqual(['0=after']);
    });

    it('answers every call after close with BROKER_CLOSED', async () => {
      const other = await open(clock);
      await other.broker.createTopics([topic('a')]);
      const producer = other.broker.producer();
      await other.close();
      expect(await codeOf(producer.produce([batch('a', 0, 'x')]))).toBe('BROKER_CLOSED');
      expect(await codeOf(other.broker.describeTopics())).toBe('BROKER_CLOSED');
      expect(await codeOf(other.broker.groups.join(joining()))).toBe('BROKER_CLOSED');
      expect(await codeOf(other.broker.listOffsets([], 'latest'))).toBe('BROKER_CLOSED');
    });
  });
}
