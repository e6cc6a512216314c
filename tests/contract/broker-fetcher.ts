/** The contract of fetchers. */

import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { Broker, FetchedPartition } from '../../streams/broker.ts';
import { VirtualClock } from '../../testing/virtual-clock.ts';
import type { OpenBroker, Subject } from './broker-support.ts';
import { batch, drain, topic, until, valuesOf } from './broker-support.ts';

export function fetcherContract(open: OpenBroker): void {
  describe('fetcher', () => {
    let subject: Subject;
    let broker: Broker;
    beforeEach(async () => {
      subject = await open(new VirtualClock(1_000_000));
      broker = subject.broker;
      await broker.createTopics([topic('a', 2)]);
    });
    afterEach(() => subject.close());

    /** Appends one batch per argument to a:0. */
    const append = (...batches: readonly (readonly string[])[]) =>
      broker.producer().produce(batches.map((records) => batch('a', 0, ...records)));

    it('tells the end of the log first, even if there is nothing', async () => {
      const fetcher = broker.fetcher();
      fetcher.assign('a', 1, 0);
      const [first] = await until(() => nonEmpty(fetcher.poll()));
      expect(first).toEqual({ topic: 'a', partition: 1, batches: [], from: 0, position: 0, lastStableOffset: 0 });
      expect(fetcher.poll()).toEqual([]);
    });

    it('brings what is there and what comes, in order, and says when', async () => {
      await append(['x', 'y'], ['z']);
      let calls = 0;
      const fetcher = broker.fetcher({ onReady: () => calls++ });
      fetcher.assign('a', 0, 0);
      expect(await drain(fetcher, 3)).toEqual(['0=x', '1=y', '2=z']);
      expect(fetcher.poll()).toEqual([]);
      calls = 0;
      await append(['w']);
      await until(() => calls > 0);
      expect(await drain(fetcher, 4)).toEqual(['3=w']);
    });

    it('begins inside of a batch: what came along is below `from`', async () => {
      await append(['x', 'y', 'z'], ['w']);
      const fetcher = broker.fetcher();
      fetcher.assign('a', 0, 1);
      expect(await drain(fetcher, 4)).toEqual(['1=y', '2=z', '3=w']);
    });

    it('drops what was fetched before when a partition is assigned again', async () => {
      await append(['x'], ['y'], ['z']);
      let ready = false;
      const fetcher = broker.fetcher({ onReady: () => (ready = true) });
      fetcher.assign('a', 0, 0);
      await until(() => ready);
      fetcher.assign('a', 0, 2);
      expect(await drain(fetcher, 3)).toEqual(['2=z']);
      fetcher.assign('a', 0, 0);
      expect(await drain(fetcher, 3)).toEqual(['0=x', '1=y', '2=z']);
    });

    it('delivers nothing of a partition that was unassigned', async () => {
      await append(['x']);
      let ready = false;
      const fetcher = broker.fetcher({ onReady: () => (ready = true) });
      fetcher.assign('a', 0, 0);
      await until(() => ready);
      fetcher.unassign('a', 0);
      fetcher.unassign('a', 0);
      fetcher.assign('a', 1, 0);
      const seen: FetchedPartition[] = [];
      await append(['y']);
      await until(() => seen.push(...fetcher.poll()) > 0);
      expect(seen.map(({ partition }) => partition)).toEqual([1]);
    });

    it('holds a paused partition back and goes on without loss', async () => {
      await append(['x']);
      const fetcher = broker.fetcher();
      fetcher.assign('a', 0, 0);
      fetcher.assign('a', 1, 0);
      fetcher.pause('a', 0);
      await append(['y']);
      await broker.producer().produce([batch('a', 1, 'p')]);
      const seen: FetchedPartition[] = [];
      await until(() => {
        seen.push(...fetcher.poll());
        return seen.some(({ position }) => position === 1);
      });
      expect(seen.every(({ partition }) => partition === 1)).toBe(true);
      fetcher.resume('a', 0);
      expect(await drain(fetcher, 2)).toEqual(['0=x', '1=y']);
      fetcher.resume('a', 0);
      fetcher.pause('a', 0);
      await append(['z']);
      fetcher.resume('a', 0);
      expect(await drain(fetcher, 3)).toEqual(['2=z']);
    });

    it('holds no more than asked for, but at least one batch', async () => {
      const value = `k:${'v'.repeat(1_000)}`;
      await append([value], [value], [value, value, value], [value]);
      const fetcher = broker.fetcher({ maxBytesPerPartition: 2_500 });
      fetcher.assign('a', 0, 0);
      const counts: number[] = [];
      await until(() => {
        for (const fetched of fetcher.poll()) counts.push(valuesOf(fetched).length);
        return counts.reduce((sum, count) => sum + count, 0) === 6;
      });
      expect(Math.max(...counts)).toBe(3);
      expect(counts).toEqual([2, 3, 1]);
    });

    it('fetches nothing more of a partition while what it brought was not taken', async () => {
      const value = `k:${'v'.repeat(1_000)}`;
      await append([value], [value], [value]);
      let ready = false;
      const fetcher = broker.fetcher({ maxBytesPerPartition: 1_500, onReady: () => (ready = true) });
      fetcher.assign('a', 0, 0);
      await until(() => ready);
      await append([value]);
      const [first, ...rest] = await until(() => nonEmpty(fetcher.poll()));
      expect(first?.position).toBe(1);
      expect(rest).toEqual([]);
      expect(await drain(fetcher, 4)).toHaveLength(3);
    });

    it('answers an offset that is not there with an error and gives the partition up', async () => {
      await append(['x', 'y']);
      await broker.deleteRecords([{ topic: 'a', partition: 0, offset: 1 }]);
      const fetcher = broker.fetcher();
      for (const offset of [0, 3]) {
        fetcher.assign('a', 0, offset);
        const [fetched] = await until(() => nonEmpty(fetcher.poll()));
        expect(fetched).toMatchObject({
          topic: 'a',
          partition: 0,
          batches: [],
          error: { code: 'OFFSET_OUT_OF_RANGE' },
        });
      }
      fetcher.assign('a', 1, 0);
      await append(['z']);
      await until(() => nonEmpty(fetcher.poll()));
      expect(fetcher.poll()).toEqual([]);
    });

    it('answers a topic that is not there, or not any more, with an error', async () => {
      const fetcher = broker.fetcher();
      fetcher.assign('nope', 0, 0);
      expect((await until(() => nonEmpty(fetcher.poll())))[0]?.error?.code).toBe('TOPIC_UNKNOWN');
      fetcher.assign('a', 0, 0);
      await until(() => nonEmpty(fetcher.poll()));
      await broker.deleteTopics(['a']);
      expect((await until(() => nonEmpty(fetcher.poll())))[0]?.error?.code).toBe('TOPIC_UNKNOWN');
    });

    it('serves several fetchers on their own', async () => {
      await append(['x'], ['y']);
      const [one, two] = [broker.fetcher(), broker.fetcher()];
      one.assign('a', 0, 0);
      two.assign('a', 0, 1);
      expect(await drain(one, 2)).toEqual(['0=x', '1=y']);
      await one.close();
      expect(await drain(two, 2)).toEqual(['1=y']);
      await two.close();
    });
  });
}

function nonEmpty<T>(items: readonly T[]): readonly T[] | false {
  return items.length > 0 && items;
}
