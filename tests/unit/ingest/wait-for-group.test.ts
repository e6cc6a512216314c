import { beforeEach, describe, expect, it } from 'vitest';
import { GavelError, type Broker, type CommittedOffset } from 'gavel/streams';
import { waitForGroup, type WaitOptions } from '../../../ingest/wait-for-group.ts';

const TOPIC = 'auction.bids';
const target = (partition: number, offset: number) => ({ topic: TOPIC, partition, offset });

/** Answers of the group, one per poll, the last one again and again; an error code is thrown. */
let answers: (readonly number[] | 'UNSTABLE_OFFSETS' | 'BROKER_CLOSED')[];
let now: number;
let left: number[];
beforeEach(() => {
  now = 0;
  left = [];
});

function options(overrides: Partial<WaitOptions> = {}): WaitOptions {
  const committedOffsets = (): Promise<readonly CommittedOffset[]> => {
    const answer = (answers.length > 1 ? answers.shift() : answers[0]) as (typeof answers)[number];
    if (typeof answer === 'string') return Promise.reject(new GavelError(answer, 'no'));
    return Promise.resolve(answer.map((offset, partition) => ({ ...target(partition, offset), metadata: '' })));
  };
  return {
    broker: { groups: { committedOffsets } } as unknown as Broker,
    groupId: 'gavel',
    clock: {
      now: () => now,
      setTimer(delayMs, callback) {
        now += delayMs;
        queueMicrotask(callback);
        return { cancel: () => undefined };
      },
    },
    noProgressMs: 1000,
    signal: undefined,
    onProgress: (count) => left.push(count),
    ...overrides,
  };
}

describe('waitForGroup', () => {
  it('waits until every partition is at its target or beyond', async () => {
    answers = [
      [0, 0],
      [5, 2],
      [9, 4],
      [9, 7],
    ];
    await waitForGroup([target(0, 5), target(1, 7)], options());
    expect(left).toEqual([12, 5, 3, 0]);
    expect(now).toBe(60);
  });

  it('waits for nothing where nothing is there', async () => {
    answers = [[]];
    await waitForGroup([target(0, 0), target(1, 0)], options());
    expect(now).toBe(0);
  });

  it('goes on with what it knew while offsets are open', async () => {
    answers = [[3], 'UNSTABLE_OFFSETS', [5]];
    await waitForGroup([target(0, 5)], options());
    expect(left).toEqual([2, 2, 0]);
  });

  it('gives up without progress, naming the partition that is furthest behind', async () => {
    answers = [
      [1, 1],
      [2, 1],
    ];
    const waiting = waitForGroup([target(0, 4), target(1, 9)], options());
    await expect(waiting).rejects.toMatchObject({
      code: 'NO_PROGRESS',
      message: 'group gavel is 8 records behind in partition 1 of auction.bids and has not moved for 1 s',
    });
    expect(now).toBe(1020);
  });

  it('gives up where offsets stay open for ever', async () => {
    answers = ['UNSTABLE_OFFSETS'];
    await expect(waitForGroup([target(0, 1)], options())).rejects.toMatchObject({ code: 'NO_PROGRESS' });
  });

  it('stops for any other error and for the signal', async () => {
    answers = ['BROKER_CLOSED'];
    await expect(waitForGroup([target(0, 1)], options())).rejects.toMatchObject({ code: 'BROKER_CLOSED' });
    answers = [[0]];
    const signal = AbortSignal.abort(new Error('stopped'));
    await expect(waitForGroup([target(0, 1)], options({ signal }))).rejects.toThrow('stopped');
  });
});
