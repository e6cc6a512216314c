/** What the contract asks of time, in real time on a real Kafka: those of its cases that move a virtual clock. */

import { afterEach, beforeEach, describe, expect, inject, it } from 'vitest';
import type { Broker, GroupMember, JoinAnswer } from '../../streams/broker.ts';
import { SESSION_MS, TRANSACTION_TIMEOUT_MS, batch, codeOf, joining, lead } from '../contract/broker-support.ts';
import { readAll, topic, toldToRejoin } from '../contract/broker-support.ts';
import type { Joining } from '../contract/broker-support.ts';
import type { OpenKafka } from '../support/services/open-kafka.ts';
import { openKafka } from '../support/services/open-kafka.ts';

const { bootstrapServers } = inject('kafka');
const BEAT_MS = 1_000;
const AT_7 = { topic: 'a', partition: 0, offset: 7, metadata: 'm' };
/** Longer than a test may wait for a session or transaction to end. */
const PATIENCE = { timeout: 20_000, interval: 100 };

describe('time on Kafka', () => {
  let subject: OpenKafka;
  let broker: Broker;
  const beats = new Set<NodeJS.Timeout>();
  beforeEach(async () => {
    subject = await openKafka({ bootstrapServers, transactionTimeoutMs: TRANSACTION_TIMEOUT_MS });
    broker = subject.broker;
    await broker.createTopics([topic('a', 2)]);
  });
  afterEach(async () => {
    for (const beat of beats) clearInterval(beat);
    beats.clear();
    await subject.close();
  });

  const join = (request: Joining = {}): Promise<JoinAnswer> => broker.groups.join(joining(request));
  const memberOf = ({ memberId, generation }: JoinAnswer): GroupMember => ({ groupId: 'g', memberId, generation });

  /** Heartbeats of a member that lives; answers the codes of those that failed. */
  const keepAlive = (member: GroupMember): Set<string> => {
    const codes = new Set<string>();
    const beat = (): void => {
      broker.groups.heartbeat(member).catch((error: { code?: string }) => codes.add(String(error.code)));
    };
    beats.add(setInterval(beat, BEAT_MS));
    return codes;
  };

  /** Two members in one generation; the first leads. */
  const two = async (newcomer: Joining = {}, first: Joining = {}): Promise<[GroupMember, GroupMember]> => {
    const leader = await lead(broker, first);
    const joined = join(newcomer);
    await toldToRejoin(broker, leader);
    const answers = await Promise.all([join({ ...first, memberId: leader.memberId }), joined]);
    const [one, other] = answers.map(memberOf) as [GroupMember, GroupMember];
    await Promise.all([one, other].map((member) => broker.groups.sync({ ...member, assignments: [] })));
    return [one, other];
  };

  it('removes a member whose session ends, and keeps those that heartbeat', async () => {
    const [one, other] = await two();
    const told = keepAlive(one);
    const since = Date.now();
    await expect.poll(() => told.has('REBALANCE_IN_PROGRESS'), PATIENCE).toBe(true);
    expect(Date.now() - since).toBeGreaterThan(SESSION_MS - 2 * BEAT_MS);
    expect(await codeOf(broker.groups.heartbeat(other))).toBe('UNKNOWN_MEMBER');
    expect((await join({ memberId: one.memberId })).members).toHaveLength(1);
  });

  it('keeps the session of a member that revokes: heartbeats count while it rebalances', async () => {
    const leader = await lead(broker);
    const newcomer = join();
    await toldToRejoin(broker, leader);
    const told = keepAlive(leader);
    await new Promise((resolve) => setTimeout(resolve, SESSION_MS + 2 * BEAT_MS));
    expect(told).toEqual(new Set(['REBALANCE_IN_PROGRESS']));
    const answer = await join({ memberId: leader.memberId });
    expect(answer.members).toHaveLength(2);
    expect((await newcomer).generation).toBe(answer.generation);
  });

  it('ends the join phase after the longest rebalance time-out; a dynamic member that did not join is out', async () => {
    const rebalanceTimeoutMs = 3_000;
    const [one, other] = await two({ rebalanceTimeoutMs }, { rebalanceTimeoutMs });
    keepAlive(other);
    const again = await join({ memberId: one.memberId, rebalanceTimeoutMs });
    expect(again.members.map(({ memberId }) => memberId)).toEqual([one.memberId]);
    expect(await codeOf(broker.groups.heartbeat(other))).toBe('UNKNOWN_MEMBER');
  });

  it('lists a static member that did not join in time for the leader', async () => {
    const rebalanceTimeoutMs = 3_000;
    const [one, other] = await two({ instanceId: 'i', rebalanceTimeoutMs }, { rebalanceTimeoutMs });
    keepAlive(other);
    const again = await join({ memberId: one.memberId, rebalanceTimeoutMs });
    expect(again.members).toHaveLength(2);
    expect(await codeOf(broker.groups.heartbeat(other))).toBe('ILLEGAL_GENERATION');
  });

  it('removes a member that joined and never synced', async () => {
    const leader = await lead(broker);
    const silent = join();
    await toldToRejoin(broker, leader);
    const again = memberOf(await join({ memberId: leader.memberId }));
    await silent;
    await broker.groups.sync({ ...again, assignments: [] });
    keepAlive(again);
    const ids = async (): Promise<string[]> =>
      (await broker.groups.describe('g')).members.map(({ memberId }) => memberId);
    expect(await ids()).toHaveLength(2);
    await expect.poll(ids, PATIENCE).toEqual([again.memberId]);
  });

  it('aborts a transaction that times out and fences its producer', async () => {
    const producer = broker.transactionalProducer('id');
    await producer.init();
    const transaction = producer.begin();
    await transaction.produce([batch('a', 0, 'x')]);
    await transaction.commitOffsets({ groupId: 'g', generation: -1, memberId: '' }, [AT_7]);
    expect(await codeOf(broker.groups.committedOffsets('g', [AT_7]))).toBe('UNSTABLE_OFFSETS');
    const committed = (): Promise<unknown> =>
      broker.groups.committedOffsets('g', [AT_7]).catch((error: { code?: string }) => error.code);
    await expect.poll(committed, PATIENCE).toEqual([]);
    expect(await codeOf(transaction.commit())).toBe('PRODUCER_FENCED');
    expect(await readAll(broker, 'a')).toEqual([]);
  });

  it("stamps records of an append topic with the log's time", async () => {
    await broker.createTopics([topic('stamped', 1, { timestampType: 'append' })]);
    const before = Date.now();
    const [produced] = await broker.producer().produce([batch('stamped', 0, 'x@7', 'y@9')]);
    expect(produced?.timestamp).toBeGreaterThanOrEqual(before);
    expect(produced?.timestamp).toBeLessThanOrEqual(Date.now());
    const partitions = [{ topic: 'stamped', partition: 0 }];
    expect(await broker.listOffsets(partitions, produced?.timestamp ?? 0)).toMatchObject([{ offset: 0 }]);
    expect(await broker.listOffsets(partitions, (produced?.timestamp ?? 0) + 1)).toMatchObject([{ offset: 2 }]);
  });
});

describe('a Kafka that cannot be used', () => {
  it('says so at once: wrong address, TLS where there is none', async () => {
    await expect(openKafka({ bootstrapServers: '127.0.0.1:1' })).rejects.toMatchObject({
      code: 'BROKER_UNAVAILABLE',
      hint: expect.stringContaining('address'),
    });
    await expect(openKafka({ bootstrapServers, tls: {} })).rejects.toMatchObject({
      code: expect.stringMatching(/^BROKER_/),
    });
  });
});
