/** The contract of consumer groups. */

import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { Broker, GroupMember, JoinAnswer, OffsetCommit } from '../../streams/broker.ts';
import { VirtualClock } from '../../testing/virtual-clock.ts';
import type { BrokerTraits, Joining, OpenBroker, Subject } from './broker-support.ts';
import { REBALANCE_MS, SESSION_MS, codeOf, joining, lead, toldToRejoin, topic } from './broker-support.ts';

const AT_7: OffsetCommit = { topic: 'a', partition: 0, offset: 7, metadata: 'times' };
const A_0 = [{ topic: 'a', partition: 0 }];

export function groupsContract(open: OpenBroker, { virtualTime }: BrokerTraits): void {
  describe('groups', () => {
    let subject: Subject;
    let broker: Broker;
    let clock: VirtualClock;
    beforeEach(async () => {
      clock = new VirtualClock(1_000_000);
      subject = await open(clock);
      broker = subject.broker;
      await broker.createTopics([topic('a', 3)]);
    });
    afterEach(() => subject.close());

    const join = (request: Joining = {}): Promise<JoinAnswer> => broker.groups.join(joining(request));
    const memberOf = ({ memberId, generation }: JoinAnswer): GroupMember => ({ groupId: 'g', memberId, generation });

    /** Brings a second member in: both are in one generation, the first leads. */
    const two = async (second: Joining = {}, first: Joining = {}): Promise<[GroupMember, GroupMember]> => {
      const leader = await lead(broker, first);
      const joined = join(second);
      await toldToRejoin(broker, leader);
      const answers = await Promise.all([join({ ...first, memberId: leader.memberId }), joined]);
      const [one, other] = answers.map(memberOf) as [GroupMember, GroupMember];
      const assignments = answers.map(({ memberId }) => ({ memberId, assignment: Buffer.from(`for ${memberId}`) }));
      await Promise.all([
        broker.groups.sync({ ...one, assignments }),
        broker.groups.sync({ ...other, assignments: [] }),
      ]);
      return [one, other];
    };

    it('makes the first member leader and hands out its assignment', async () => {
      const answer = await join({ metadata: 'me' });
      expect(answer.leaderId).toBe(answer.memberId);
      expect(answer.members).toEqual([{ memberId: answer.memberId, metadata: Buffer.from('me') }]);
      const { memberId } = answer;
      const sync = { ...memberOf(answer), assignments: [{ memberId, assignment: Buffer.from('all') }] };
      expect(await broker.groups.sync(sync)).toEqual(Buffer.from('all'));
      await broker.groups.heartbeat(memberOf(answer));
      const { generation, ...described } = await broker.groups.describe('g');
      expect(described).toEqual({ groupId: 'g', members: [{ memberId, instanceId: null }] });
      expect([answer.generation, -1]).toContain(generation);
      expect(await broker.groups.list()).toEqual(['g']);
    });

    it('tells the members of a newcomer, and the leader of all', async () => {
      const leader = await lead(broker);
      const newcomer = join({ metadata: 'new' });
      await toldToRejoin(broker, leader);
      const answer = await join({ memberId: leader.memberId, metadata: 'old' });
      const joined = await newcomer;
      expect(answer.generation).toBe(leader.generation + 1);
      expect(joined).toMatchObject({ generation: answer.generation, leaderId: leader.memberId, members: [] });
      expect(new Set(answer.members.map(({ metadata }) => metadata.toString()))).toEqual(new Set(['old', 'new']));
      const assignments = [
        { memberId: joined.memberId, assignment: Buffer.from('his') },
        { memberId: answer.memberId, assignment: Buffer.from('mine') },
      ];
      const his = broker.groups.sync({ ...memberOf(joined), assignments: [] });
      expect(await broker.groups.sync({ ...memberOf(answer), assignments })).toEqual(Buffer.from('mine'));
      expect(await his).toEqual(Buffer.from('his'));
    });

    it.runIf(virtualTime)(
      'ends the join phase after the longest rebalance time-out without those that did not join',
      async () => {
        const [one, other] = await two({ rebalanceTimeoutMs: 1_000 });
        const rejoined = join({ memberId: one.memberId, metadata: 'changed' });
        await toldToRejoin(broker, other);
        for (let passed = 0; passed < REBALANCE_MS; passed += 4_000) {
          expect(await codeOf(broker.groups.heartbeat(other))).toBe('REBALANCE_IN_PROGRESS');
          clock.moveTo(clock.now() + 4_000);
        }
        const answer = await rejoined;
        expect(answer.members.map(({ memberId }) => memberId)).toEqual([one.memberId]);
        expect(await codeOf(broker.groups.heartbeat(other))).toBe('UNKNOWN_MEMBER');
      },
    );

    it.runIf(virtualTime)('removes a member whose session ends, and keeps those that heartbeat', async () => {
      const [one, other] = await two();
      clock.moveTo(clock.now() + SESSION_MS - 1);
      await broker.groups.heartbeat(one);
      clock.moveTo(clock.now() + 1);
      await toldToRejoin(broker, one);
      expect(await codeOf(broker.groups.heartbeat(other))).toBe('UNKNOWN_MEMBER');
      const answer = await join({ memberId: one.memberId });
      expect(answer.members).toHaveLength(1);
    });

    it.runIf(virtualTime)(
      'keeps the session of a member that revokes: heartbeats count while it rebalances',
      async () => {
        const leader = await lead(broker);
        const newcomer = join();
        await toldToRejoin(broker, leader);
        for (let i = 0; i < 3; i++) {
          clock.moveTo(clock.now() + SESSION_MS - 1);
          expect(await codeOf(broker.groups.heartbeat(leader))).toBe('REBALANCE_IN_PROGRESS');
        }
        const answer = await join({ memberId: leader.memberId });
        expect(answer.members).toHaveLength(2);
        expect((await newcomer).generation).toBe(answer.generation);
      },
    );

    it('lets the old generation commit while members join, and not after', async () => {
      const leader = await lead(broker);
      const newcomer = join();
      await toldToRejoin(broker, leader);
      await broker.groups.commitOffsets(leader, [AT_7]);
      const producer = broker.transactionalProducer('id');
      await producer.init();
      const transaction = producer.begin();
      await transaction.commitOffsets(leader, [{ ...AT_7, offset: 8 }]);
      await transaction.commit();
      const answer = memberOf(await join({ memberId: leader.memberId }));
      await newcomer;
      expect(await codeOf(broker.groups.commitOffsets(leader, [AT_7]))).toBe('ILLEGAL_GENERATION');
      expect(await codeOf(broker.groups.heartbeat(leader))).toBe('ILLEGAL_GENERATION');
      expect(await codeOf(broker.groups.sync({ ...leader, assignments: [] }))).toBe('ILLEGAL_GENERATION');
      const next = producer.begin();
      expect(await codeOf(next.commitOffsets(leader, [AT_7]))).toBe('ILLEGAL_GENERATION');
      await next.abort();
      const between = producer.begin();
      await between.commitOffsets(answer, [{ ...AT_7, offset: 9 }]);
      await between.commit();
      expect(await broker.groups.committedOffsets('g', A_0)).toMatchObject([{ offset: 9 }]);
    });

    it('rebalances when the leader joins again, not when another one does with nothing new', async () => {
      const [one, other] = await two();
      expect(await join({ memberId: other.memberId })).toMatchObject({ generation: other.generation });
      await broker.groups.heartbeat(one);
      const again = join({ memberId: one.memberId });
      await toldToRejoin(broker, other);
      const [answer] = await Promise.all([again, join({ memberId: other.memberId })]);
      expect(answer.generation).toBe(one.generation + 1);
      expect(answer.leaderId).toBe(one.memberId);
    });

    it('rebalances when a member joins with other metadata', async () => {
      const [one, other] = await two();
      const again = join({ memberId: other.memberId, metadata: 'changed' });
      await toldToRejoin(broker, one);
      const answer = await join({ memberId: one.memberId });
      expect(answer.members.find(({ memberId }) => memberId === other.memberId)?.metadata.toString()).toBe('changed');
      await again;
    });

    it('answers a waiting sync with REBALANCE_IN_PROGRESS when another rebalance begins', async () => {
      const [one, other] = await two();
      const again = join({ memberId: one.memberId });
      await toldToRejoin(broker, other);
      const followers = memberOf(await join({ memberId: other.memberId }));
      await again;
      const waiting = broker.groups.sync({ ...followers, assignments: [] });
      const third = join();
      expect(await codeOf(waiting)).toBe('REBALANCE_IN_PROGRESS');
      await Promise.all([third, join({ memberId: one.memberId }), join({ memberId: other.memberId })]);
    });

    it('lets a member leave at once, twice if it must', async () => {
      const [one, other] = await two();
      await broker.groups.leave(other);
      await broker.groups.leave(other);
      expect(await codeOf(broker.groups.heartbeat(one))).toBe('REBALANCE_IN_PROGRESS');
      expect((await join({ memberId: one.memberId })).members).toHaveLength(1);
      await broker.groups.leave({ groupId: 'never', generation: 1, memberId: 'x' });
    });

    it('chooses another leader when the leader leaves', async () => {
      const [one, other] = await two();
      await broker.groups.leave(one);
      const answer = await join({ memberId: other.memberId });
      expect(answer.leaderId).toBe(other.memberId);
      expect(answer.members).toHaveLength(1);
    });

    it('refuses strangers', async () => {
      await lead(broker);
      const stranger = { groupId: 'g', generation: 1, memberId: 'who' };
      expect(await codeOf(broker.groups.heartbeat(stranger))).toBe('UNKNOWN_MEMBER');
      expect(await codeOf(broker.groups.sync({ ...stranger, assignments: [] }))).toBe('UNKNOWN_MEMBER');
      expect(await codeOf(broker.groups.commitOffsets(stranger, [AT_7]))).toBe('UNKNOWN_MEMBER');
      expect(await codeOf(join({ memberId: 'who' }))).toBe('UNKNOWN_MEMBER');
    });

    it('gives a static member its place back without a rebalance, and fences the first', async () => {
      const [one, other] = await two({ instanceId: 'i' });
      const back = await join({ instanceId: 'i', metadata: 'changed' });
      expect(back.generation).toBe(other.generation);
      expect(back.memberId).not.toBe(other.memberId);
      const assignment = await broker.groups.sync({ ...memberOf(back), assignments: [] });
      expect(assignment.toString()).toBe(`for ${other.memberId}`);
      await broker.groups.heartbeat(one);
      expect(await codeOf(broker.groups.heartbeat(other))).toBe('FENCED_INSTANCE');
      expect(await codeOf(broker.groups.commitOffsets(other, [AT_7]))).toBe('FENCED_INSTANCE');
      expect(await codeOf(join({ memberId: other.memberId, instanceId: 'i' }))).toBe('FENCED_INSTANCE');
      const described = await broker.groups.describe('g');
      expect(described.members).toContainEqual({ memberId: back.memberId, instanceId: 'i' });
      expect(described.members).toHaveLength(2);
    });

    it('answers a static leader that comes back as a follower: its assignment stands', async () => {
      const [one, other] = await two({}, { instanceId: 'i' });
      const back = await join({ instanceId: 'i' });
      expect(back).toMatchObject({ generation: one.generation, members: [] });
      expect(back.leaderId).not.toBe(back.memberId);
      const assignment = await broker.groups.sync({ ...memberOf(back), assignments: [] });
      expect(assignment.toString()).toBe(`for ${one.memberId}`);
      await broker.groups.heartbeat(other);
      const again = join({ instanceId: 'i', memberId: back.memberId });
      await toldToRejoin(broker, other);
      await join({ memberId: other.memberId });
      expect((await again).leaderId).toBe(back.memberId);
    });

    it.runIf(virtualTime)(
      'lists a static member that did not join in time for the leader, until its session ends',
      async () => {
        const [one, other] = await two({ instanceId: 'i' });
        const again = join({ memberId: one.memberId });
        await toldToRejoin(broker, other);
        for (let passed = 0; passed < REBALANCE_MS; passed += 4_000) {
          expect(await codeOf(broker.groups.heartbeat(other))).toBe('REBALANCE_IN_PROGRESS');
          clock.moveTo(clock.now() + 4_000);
        }
        const answer = await again;
        expect(answer.members).toHaveLength(2);
        expect(await codeOf(broker.groups.heartbeat(other))).toBe('ILLEGAL_GENERATION');
      },
    );

    it('keeps offsets with their text, for members and for nobody', async () => {
      expect(await broker.groups.committedOffsets('g', A_0)).toEqual([]);
      const nobody = { groupId: 'g', generation: -1, memberId: '' };
      await broker.groups.commitOffsets(nobody, [AT_7, { ...AT_7, partition: 1 }]);
      const member = await lead(broker);
      await broker.groups.commitOffsets(member, [{ ...AT_7, offset: 8 }]);
      expect(await broker.groups.committedOffsets('g', [...A_0, { topic: 'a', partition: 2 }])).toEqual([
        { ...AT_7, offset: 8 },
      ]);
      const all = [...(await broker.groups.listOffsets('g'))].sort((a, b) => a.partition - b.partition);
      expect(all).toEqual([
        { ...AT_7, offset: 8 },
        { ...AT_7, partition: 1 },
      ]);
    });

    it('deletes offsets of a group without members only', async () => {
      const member = await lead(broker);
      await broker.groups.commitOffsets(member, [AT_7, { ...AT_7, partition: 1 }]);
      expect(await codeOf(broker.groups.deleteOffsets('g', A_0))).toBe('GROUP_ACTIVE');
      await broker.groups.leave(member);
      await broker.groups.deleteOffsets('g', A_0);
      expect(await broker.groups.listOffsets('g')).toEqual([{ ...AT_7, partition: 1 }]);
      expect(await broker.groups.list()).toEqual(['g']);
      expect((await broker.groups.describe('g')).members).toEqual([]);
      expect((await broker.groups.describe('unheard')).members).toEqual([]);
    });

    it.runIf(virtualTime)('removes a member that joined and never synced', async () => {
      const leader = await lead(broker);
      const silent = join();
      await toldToRejoin(broker, leader);
      const again = memberOf(await join({ memberId: leader.memberId }));
      await silent;
      clock.moveTo(clock.now() + SESSION_MS - 1);
      await broker.groups.heartbeat(again);
      clock.moveTo(clock.now() + 1);
      const { members } = await broker.groups.describe('g');
      expect(members.map(({ memberId }) => memberId)).toEqual([again.memberId]);
    });
  });
}
