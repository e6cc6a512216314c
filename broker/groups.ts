/** The group coordinator of the memory and the embedded broker: Kafka's join, sync, heartbeat and leave (classic protocol). */

import type { GroupDescription, GroupMember, JoinAnswer, JoinRequest, SyncRequest } from '../streams/broker.ts';
import type { Clock, Timer } from '../streams/time.ts';
import { GavelError } from '../streams/errors.ts';

export interface GroupCoordinatorOptions {
  readonly clock: Clock;
  /** The part of a member id that makes it unique, without `@`. */
  readonly newSuffix: () => string;
}

/** All groups' memberships. Offsets are kept by `GroupOffsets`; `checkCommit` is their fence. */
export class GroupCoordinator {
  readonly #groups = new Map<string, Group>();
  readonly #options: GroupCoordinatorOptions;
  #closed: GavelError | undefined;

  constructor(options: GroupCoordinatorOptions) {
    this.#options = options;
  }

  join(request: JoinRequest): Promise<JoinAnswer> {
    if (this.#closed !== undefined) throw this.#closed;
    let group = this.#groups.get(request.groupId);
    if (group === undefined) {
      group = new Group(request.groupId, this.#options);
      this.#groups.set(request.groupId, group);
    }
    return group.join(request);
  }

  sync(request: SyncRequest): Promise<Buffer> {
    return this.#group(request).sync(request);
  }

  heartbeat(member: GroupMember): void {
    this.#group(member).heartbeat(member);
  }

  leave(member: GroupMember): void {
    this.#groups.get(member.groupId)?.leave(member.memberId);
  }

  /**
   * Whether this member may commit offsets now. The old generation may while members are joining; a transaction may
   * also between join and sync, with the new one.
   * @throws GavelError `UNKNOWN_MEMBER`, `ILLEGAL_GENERATION`, `FENCED_INSTANCE`, outside of transactions `REBALANCE_IN_PROGRESS`
   */
  checkCommit(member: GroupMember, transactional: boolean): void {
    if (member.generation < 0 && member.memberId === '') return;
    this.#group(member).checkCommit(member, transactional);
  }

  /** @throws GavelError `GROUP_ACTIVE` where anyone is a member */
  assertInactive(groupId: string): void {
    if ((this.#groups.get(groupId)?.size ?? 0) === 0) return;
    throw new GavelError('GROUP_ACTIVE', `group ${groupId} has members`, { hint: 'Stop the application first.' });
  }

  describe(groupId: string): GroupDescription {
    return this.#groups.get(groupId)?.describe() ?? { groupId, generation: 0, members: [] };
  }

  list(): string[] {
    return [...this.#groups].filter(([, group]) => group.size > 0).map(([groupId]) => groupId);
  }

  /** Ends a member's session now, as if its time-out had passed. */
  expire(memberId: string): void {
    for (const group of this.#groups.values()) group.leave(memberId);
  }

  /** Moves the generation on behind the members' backs: the next thing each does fails with `ILLEGAL_GENERATION`. */
  bumpGeneration(groupId: string): void {
    this.#groups.get(groupId)?.bumpGeneration();
  }

  /** Starts a rebalance without a change of members. */
  rebalance(groupId: string): void {
    this.#groups.get(groupId)?.rebalance();
  }

  /** Answers whoever waits, and all calls from now on, with the error. */
  close(error: GavelError): void {
    this.#closed = error;
    for (const group of this.#groups.values()) group.close(error);
    this.#groups.clear();
  }

  #group(member: GroupMember): Group {
    if (this.#closed !== undefined) throw this.#closed;
    const group = this.#groups.get(member.groupId);
    if (group === undefined) throw unknownMember(member);
    return group;
  }
}

type Phase = 'empty' | 'preparing' | 'completing' | 'stable';

interface Waiter<T> {
  readonly resolve: (value: T) => void;
  readonly reject: (error: GavelError) => void;
}

interface Member {
  readonly id: string;
  readonly instanceId: string | null;
  sessionTimeoutMs: number;
  rebalanceTimeoutMs: number;
  metadata: Buffer;
  assignment: Buffer;
  /** Set while its join waits for the others. */
  joining?: Waiter<JoinAnswer> | undefined;
  /** Set while its sync waits for the leader. */
  syncing?: Waiter<Buffer> | undefined;
  session?: Timer | undefined;
}

const NOTHING = Buffer.alloc(0);

/** One group. Calls change it at once; only joins and syncs wait. */
class Group {
  readonly groupId: string;
  readonly #clock: Clock;
  readonly #newSuffix: () => string;
  readonly #members = new Map<string, Member>();
  /** Instance id → the member that holds it. */
  readonly #instances = new Map<string, string>();
  #phase: Phase = 'empty';
  #generation = 0;
  #leader = '';
  /** While preparing: ends the join phase. While completing: removes who does not sync. */
  #phaseTimer: Timer | undefined;

  constructor(groupId: string, options: GroupCoordinatorOptions) {
    this.groupId = groupId;
    this.#clock = options.clock;
    this.#newSuffix = options.newSuffix;
  }

  get size(): number {
    return this.#members.size;
  }

  join(request: JoinRequest): Promise<JoinAnswer> {
    const holder = request.instanceId === null ? undefined : this.#instances.get(request.instanceId);
    if (request.memberId === '') {
      if (holder !== undefined) return this.#replace(this.#members.get(holder) as Member, request);
      return this.#rejoin(this.#add(request));
    }
    const member = this.#members.get(request.memberId);
    if (member === undefined) throw this.#stranger(request.memberId);
    const changed = !member.metadata.equals(request.metadata);
    member.metadata = request.metadata;
    member.sessionTimeoutMs = request.sessionTimeoutMs;
    member.rebalanceTimeoutMs = request.rebalanceTimeoutMs;
    const settled = this.#phase === 'completing' || (this.#phase === 'stable' && member.id !== this.#leader);
    if (settled && !changed) {
      this.#touch(member);
      return Promise.resolve(this.#answer(member));
    }
    return this.#rejoin(member);
  }

  sync(request: SyncRequest): Promise<Buffer> {
    const member = this.#current(request);
    if (this.#phase === 'preparing') throw this.#inProgress();
    if (this.#phase === 'stable') {
      this.#touch(member);
      return Promise.resolve(member.assignment);
    }
    const synced = new Promise<Buffer>((resolve, reject) => {
      member.syncing?.reject(this.#inProgress());
      member.syncing = { resolve, reject };
    });
    if (member.id === this.#leader) this.#assign(request.assignments);
    return synced;
  }

  heartbeat(request: GroupMember): void {
    this.#touch(this.#current(request));
    if (this.#phase === 'preparing') throw this.#inProgress();
  }

  checkCommit(request: GroupMember, transactional: boolean): void {
    this.#touch(this.#current(request));
    if (this.#phase === 'completing' && !transactional) throw this.#inProgress();
  }

  leave(memberId: string): void {
    const member = this.#members.get(memberId);
    if (member === undefined) return;
    this.#remove(member);
    if (this.#phase === 'preparing') this.#completeIfAllJoined();
    else this.#prepare();
  }

  describe(): GroupDescription {
    const members = [...this.#members.values()].map(({ id, instanceId }) => ({ memberId: id, instanceId }));
    return { groupId: this.groupId, generation: this.#generation, members };
  }

  bumpGeneration(): void {
    this.#generation++;
  }

  rebalance(): void {
    if (this.#members.size > 0 && this.#phase !== 'preparing') this.#prepare();
  }

  close(error: GavelError): void {
    this.#phaseTimer?.cancel();
    for (const member of this.#members.values()) {
      member.session?.cancel();
      member.joining?.reject(error);
      member.syncing?.reject(error);
    }
  }

  #add(request: JoinRequest): Member {
    const { instanceId, sessionTimeoutMs, rebalanceTimeoutMs, metadata } = request;
    // A static member's id carries its instance, so that one which was replaced is told so and not taken for a stranger.
    const id = instanceId === null ? `member-${this.#newSuffix()}` : `${instanceId}@${this.#newSuffix()}`;
    const member: Member = { id, instanceId, sessionTimeoutMs, rebalanceTimeoutMs, metadata, assignment: NOTHING };
    this.#members.set(id, member);
    if (instanceId !== null) this.#instances.set(instanceId, id);
    return member;
  }

  /** A second process with the instance id of `old` takes its place; the first is fenced. In a stable group nobody else notices. */
  #replace(old: Member, request: JoinRequest): Promise<JoinAnswer> {
    const fenced = fencedInstance(old.id);
    old.joining?.reject(fenced);
    old.syncing?.reject(fenced);
    old.session?.cancel();
    this.#members.delete(old.id);
    const member = this.#add(request);
    member.assignment = old.assignment;
    const leader = this.#leader;
    if (leader === old.id) this.#leader = member.id;
    if (this.#phase !== 'stable') return this.#rejoin(member);
    this.#touch(member);
    // A leader that comes back keeps the assignment of its generation: it is answered as a follower.
    return Promise.resolve({ memberId: member.id, generation: this.#generation, leaderId: leader, members: [] });
  }

  #rejoin(member: Member): Promise<JoinAnswer> {
    member.joining?.reject(this.#inProgress());
    const joined = new Promise<JoinAnswer>((resolve, reject) => {
      member.joining = { resolve, reject };
    });
    if (this.#phase === 'preparing') this.#completeIfAllJoined();
    else this.#prepare();
    return joined;
  }

  #prepare(): void {
    for (const member of this.#members.values()) {
      if (member.syncing === undefined) continue;
      member.syncing.reject(this.#inProgress());
      member.syncing = undefined;
      this.#touch(member);
    }
    this.#phase = 'preparing';
    this.#armJoinTimer();
    this.#completeIfAllJoined();
  }

  #armJoinTimer(): void {
    this.#phaseTimer?.cancel();
    this.#phaseTimer = this.#clock.setTimer(this.#longestRebalance(), () => this.#completeJoin());
  }

  #completeIfAllJoined(): void {
    for (const member of this.#members.values()) if (member.joining === undefined) return;
    this.#completeJoin();
  }

  /** The join phase is over: dynamic members that did not join are out, static ones stay listed. */
  #completeJoin(): void {
    for (const member of this.#members.values()) {
      if (member.joining === undefined && member.instanceId === null) this.#remove(member);
    }
    const joined = [...this.#members.values()].filter((member) => member.joining !== undefined);
    const first = joined[0];
    if (first === undefined && this.#members.size > 0) return this.#armJoinTimer();
    this.#phaseTimer?.cancel();
    this.#phaseTimer = undefined;
    this.#generation++;
    if (first === undefined) {
      this.#phase = 'empty';
      this.#leader = '';
      return;
    }
    this.#phase = 'completing';
    if (!joined.some((member) => member.id === this.#leader)) this.#leader = first.id;
    this.#phaseTimer = this.#clock.setTimer(this.#longestRebalance(), () => this.#expireUnsynced());
    for (const member of joined) {
      const waiter = member.joining as Waiter<JoinAnswer>;
      member.joining = undefined;
      member.assignment = NOTHING;
      this.#touch(member);
      waiter.resolve(this.#answer(member));
    }
  }

  #expireUnsynced(): void {
    const missing = [...this.#members.values()].filter((member) => member.syncing === undefined);
    for (const member of missing) this.#remove(member);
    this.#prepare();
  }

  #assign(assignments: SyncRequest['assignments']): void {
    this.#phaseTimer?.cancel();
    this.#phaseTimer = undefined;
    this.#phase = 'stable';
    const byMember = new Map(assignments.map(({ memberId, assignment }) => [memberId, assignment]));
    for (const member of this.#members.values()) {
      member.assignment = byMember.get(member.id) ?? NOTHING;
      const waiter = member.syncing;
      if (waiter === undefined) continue;
      member.syncing = undefined;
      this.#touch(member);
      waiter.resolve(member.assignment);
    }
  }

  #answer(member: Member): JoinAnswer {
    const isLeader = member.id === this.#leader && this.#phase === 'completing';
    const members = isLeader ? [...this.#members.values()].map(({ id, metadata }) => ({ memberId: id, metadata })) : [];
    return { memberId: member.id, generation: this.#generation, leaderId: this.#leader, members };
  }

  #current(request: GroupMember): Member {
    const member = this.#members.get(request.memberId);
    if (member === undefined) throw this.#stranger(request.memberId);
    if (request.generation !== this.#generation) {
      throw new GavelError(
        'ILLEGAL_GENERATION',
        `group ${this.groupId} is in generation ${this.#generation}, member ${member.id} came with ${request.generation}`,
      );
    }
    return member;
  }

  #stranger(memberId: string): GavelError {
    const instanceId = memberId.slice(0, Math.max(0, memberId.lastIndexOf('@')));
    if (this.#instances.has(instanceId)) return fencedInstance(memberId);
    return unknownMember({ groupId: this.groupId, memberId });
  }

  #remove(member: Member): void {
    member.session?.cancel();
    this.#members.delete(member.id);
    if (member.instanceId !== null) this.#instances.delete(member.instanceId);
    const error = unknownMember({ groupId: this.groupId, memberId: member.id });
    member.joining?.reject(error);
    member.syncing?.reject(error);
  }

  /** Any sign of life starts the session anew; while a join or sync waits here it cannot end. */
  #touch(member: Member): void {
    member.session?.cancel();
    member.session = this.#clock.setTimer(member.sessionTimeoutMs, () => {
      if (member.joining === undefined && member.syncing === undefined) this.leave(member.id);
    });
  }

  #longestRebalance(): number {
    let longest = 0;
    for (const member of this.#members.values()) longest = Math.max(longest, member.rebalanceTimeoutMs);
    return longest;
  }

  #inProgress(): GavelError {
    return new GavelError('REBALANCE_IN_PROGRESS', `group ${this.groupId} is rebalancing`);
  }
}

function unknownMember(member: { readonly groupId: string; readonly memberId: string }): GavelError {
  return new GavelError('UNKNOWN_MEMBER', `group ${member.groupId} has no member ${member.memberId || '(no id)'}`);
}

function fencedInstance(memberId: string): GavelError {
  return new GavelError('FENCED_INSTANCE', `member ${memberId} was replaced by another one with its instance id`, {
    hint: 'Two processes run with one instance id: give each its own.',
  });
}
