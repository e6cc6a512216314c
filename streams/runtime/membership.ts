/** The instance's place in the consumer group: join, sync, heartbeat, leave. Knows nothing of tasks but their names. */

import { randomUUID } from 'node:crypto';
import type { Broker, GroupMember, JoinAnswer } from '../broker.ts';
import { GavelError, isGavelError } from '../errors.ts';
import type { Clock, Timer } from '../time.ts';
import { assignTasks } from './assignor.ts';
import type { AssignorMember } from './assignor.ts';

/** What a member tells the leader; JSON, version first. */
interface MemberInfo {
  readonly version: 1;
  readonly instanceId: string;
  readonly transactionalId: string;
  /** Tells processes with one instance id apart. */
  readonly incarnation: string;
  readonly owned: readonly string[];
  readonly subtopologies: { readonly [name: string]: number };
}

/** What the leader tells a member. */
interface Assignment {
  readonly version: 1;
  readonly tasks: readonly string[];
  /** Transactional ids of all members: whoever gets the tasks of one that is gone ends its transaction. */
  readonly transactionalIds: readonly string[];
  /** Another live process has the member's instance id, and with it its transactional id. */
  readonly refused: boolean;
}

export interface MembershipOptions {
  readonly broker: Broker;
  readonly clock: Clock;
  readonly groupId: string;
  readonly instanceId: string;
  readonly transactionalId: string;
  readonly subtopologies: { readonly [name: string]: number };
  readonly sessionTimeoutMs: number;
  readonly rebalanceTimeoutMs: number;
  /** Called before each heartbeat. */
  readonly onBeat: () => void;
  /** The group asks to join again: commit first. */
  readonly onRebalance: () => void;
  /** The membership is gone (`UNKNOWN_MEMBER`, `ILLEGAL_GENERATION`), or another took its place (`FENCED_INSTANCE`). */
  readonly onLost: (error: GavelError) => void;
}

export interface Joined {
  readonly tasks: readonly string[];
  /** Transactional ids of members that are gone. */
  readonly gone: readonly string[];
}

export class Membership {
  readonly #options: MembershipOptions;
  readonly #incarnation = randomUUID();
  /** As leader: what the last round promised to whom. */
  #promises: ReadonlyMap<string, readonly string[]> = new Map();
  #memberId = '';
  #generation = -1;
  #heartbeat: Timer | undefined;
  #transactionalIds: readonly string[] = [];
  #suspended = false;
  #joining = false;
  #stopped = false;

  constructor(options: MembershipOptions) {
    this.#options = options;
  }

  get member(): GroupMember {
    return { groupId: this.#options.groupId, generation: this.#generation, memberId: this.#memberId };
  }

  /** Joins, or joins again, and answers what is assigned. Retries until it is in, or its place was taken. */
  async join(owned: readonly string[]): Promise<Joined> {
    for (;;) {
      try {
        this.#joining = true;
        return await this.#joinOnce(owned);
      } catch (error) {
        if (isGavelError(error, 'UNKNOWN_MEMBER')) this.#memberId = '';
        else if (!isGavelError(error, 'REBALANCE_IN_PROGRESS') && !isGavelError(error, 'ILLEGAL_GENERATION'))
          throw error;
        if (owned.length > 0 && !isGavelError(error, 'REBALANCE_IN_PROGRESS')) throw error;
      } finally {
        this.#joining = false;
      }
    }
  }

  async leave(): Promise<void> {
    this.stop();
    if (this.#memberId !== '') await this.#options.broker.groups.leave(this.member);
    this.#memberId = '';
    this.#generation = -1;
  }

  /** Ends the heartbeats for good. */
  stop(): void {
    this.#stopped = true;
    this.#heartbeat?.cancel();
    this.#heartbeat = undefined;
  }

  /** Holds heartbeats back, as a stopped process would. */
  suspend(suspended: boolean): void {
    this.#suspended = suspended;
    if (!suspended && this.#memberId !== '') this.#beat();
  }

  async #joinOnce(owned: readonly string[]): Promise<Joined> {
    const { broker, groupId, instanceId, transactionalId, subtopologies, sessionTimeoutMs, rebalanceTimeoutMs } =
      this.#options;
    const info: MemberInfo = {
      version: 1,
      instanceId,
      transactionalId,
      incarnation: this.#incarnation,
      owned,
      subtopologies,
    };
    const joined = await broker.groups.join({
      groupId,
      memberId: this.#memberId,
      instanceId: null,
      sessionTimeoutMs,
      rebalanceTimeoutMs,
      metadata: Buffer.from(JSON.stringify(info)),
    });
    this.#memberId = joined.memberId;
    const assignments = joined.leaderId === joined.memberId ? this.#assign(joined.members) : [];
    const bytes = await broker.groups.sync({
      groupId,
      generation: joined.generation,
      memberId: joined.memberId,
      assignments,
    });
    this.#generation = joined.generation;
    const assignment = JSON.parse(bytes.toString('utf8')) as Assignment;
    if (assignment.refused) {
      throw new GavelError('FENCED_INSTANCE', `another live instance of "${groupId}" has the id "${instanceId}"`, {
        hint: 'give each instance an instanceId of its own',
      });
    }
    const gone = this.#transactionalIds.filter((id) => !assignment.transactionalIds.includes(id));
    this.#transactionalIds = assignment.transactionalIds;
    this.#scheduleHeartbeat();
    return { tasks: assignment.tasks, gone };
  }

  #scheduleHeartbeat(): void {
    const { clock, sessionTimeoutMs } = this.#options;
    this.#heartbeat?.cancel();
    if (this.#stopped) return;
    this.#heartbeat = clock.setTimer(Math.floor(sessionTimeoutMs / 3), () => this.#beat());
  }

  #beat(): void {
    if (this.#suspended) return;
    const { broker, onBeat, onRebalance, onLost } = this.#options;
    onBeat();
    const beaten = this.member;
    this.#scheduleHeartbeat();
    // While a join or sync waits it is the sign of life, and its answer, not that to an older generation, tells what is.
    if (this.#joining) return;
    broker.groups.heartbeat(beaten).catch((error: unknown) => {
      if (this.#joining || beaten.memberId !== this.#memberId || beaten.generation !== this.#generation) return;
      if (isGavelError(error, 'REBALANCE_IN_PROGRESS')) onRebalance();
      else if (!isGavelError(error) || error.retry !== 'backoff') {
        this.#heartbeat?.cancel();
        onLost(
          error instanceof GavelError
            ? error
            : new GavelError('UNKNOWN_MEMBER', 'the heartbeat failed', { cause: error }),
        );
      }
    });
  }

  /** As leader: who runs what. */
  #assign(members: JoinAnswer['members']): { memberId: string; assignment: Buffer }[] {
    const infos = members.map(({ memberId, metadata }) => ({
      memberId,
      info: JSON.parse(metadata.toString('utf8')) as MemberInfo,
    }));
    const holders = new Map<string, MemberInfo>();
    for (const { info } of infos) {
      const holder = holders.get(info.transactionalId);
      if (holder === undefined || info.owned.length > holder.owned.length) holders.set(info.transactionalId, info);
    }
    const taken = infos.filter(({ info }) => holders.get(info.transactionalId)?.incarnation === info.incarnation);
    const plain: AssignorMember[] = taken.map(({ memberId, info }) => ({
      memberId,
      owned: info.owned,
      promised: this.#promises.get(memberId) ?? [],
      subtopologies: info.subtopologies,
    }));
    const { assignments, promises } = assignTasks(plain);
    this.#promises = promises;
    return members.map(({ memberId }) => {
      const tasks = assignments.get(memberId);
      const assignment: Assignment = {
        version: 1,
        tasks: tasks ?? [],
        transactionalIds: [...holders.keys()],
        refused: tasks === undefined,
      };
      return { memberId, assignment: Buffer.from(JSON.stringify(assignment)) };
    });
  }
}
