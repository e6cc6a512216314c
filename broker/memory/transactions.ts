/** The transaction coordinator of the memory broker: who may write under an id, and what stands open. */

import type { GroupMember, OffsetCommit, ProducedBatch, ProducedOffset } from '../../streams/broker.ts';
import type { Clock, Timer } from '../../streams/time.ts';
import type { GroupOffsets } from '../group-offsets.ts';
import type { GroupCoordinator } from '../groups.ts';
import type { Identity, PartitionLog } from './partition-log.ts';
import { GavelError } from '../../streams/errors.ts';

interface Open {
  readonly logs: Set<PartitionLog>;
  readonly offsets: { readonly groupId: string; readonly offsets: readonly OffsetCommit[] }[];
  readonly timer: Timer;
}

interface Entry {
  readonly producerId: number;
  epoch: number;
  open: Open | undefined;
}

export interface TransactionsOptions {
  readonly clock: Clock;
  readonly timeoutMs: number;
  readonly coordinator: GroupCoordinator;
  readonly offsets: GroupOffsets;
  readonly newProducerId: () => number;
  /** Checks all batches, then appends them. */
  readonly append: (
    batches: readonly ProducedBatch[],
    identity: Identity,
  ) => { log: PartitionLog; at: ProducedOffset }[];
}

export class Transactions {
  readonly #options: TransactionsOptions;
  readonly #entries = new Map<string, Entry>();

  constructor(options: TransactionsOptions) {
    this.#options = options;
  }

  /** Fences older producers of the id and aborts what they left open. */
  init(transactionalId: string): Identity {
    const entry = this.#entries.get(transactionalId);
    if (entry === undefined) {
      const created: Entry = { producerId: this.#options.newProducerId(), epoch: 0, open: undefined };
      this.#entries.set(transactionalId, created);
      return { producerId: created.producerId, epoch: 0 };
    }
    this.#finish(entry, false);
    entry.epoch++;
    return { producerId: entry.producerId, epoch: entry.epoch };
  }

  produce(transactionalId: string, identity: Identity, batches: readonly ProducedBatch[]): ProducedOffset[] {
    const entry = this.#current(transactionalId, identity);
    const appended = this.#options.append(batches, identity);
    const open = this.#opened(transactionalId, entry);
    for (const { log } of appended) open.logs.add(log);
    return appended.map(({ at }) => at);
  }

  commitOffsets(
    transactionalId: string,
    identity: Identity,
    commit: { readonly member: GroupMember; readonly offsets: readonly OffsetCommit[] },
  ): void {
    const entry = this.#current(transactionalId, identity);
    this.#options.coordinator.checkCommit(commit.member, true);
    const { groupId } = commit.member;
    this.#options.offsets.hold(groupId, commit.offsets);
    this.#opened(transactionalId, entry).offsets.push({ groupId, offsets: commit.offsets });
  }

  /** As Kafka, asks only for the epoch: a member that was removed may still commit. */
  end(transactionalId: string, identity: Identity, commit: boolean): void {
    this.#finish(this.#current(transactionalId, identity), commit);
  }

  /** Aborts what stands open and shuts its producer out. */
  fence(transactionalId: string): void {
    if (this.#entries.has(transactionalId)) this.init(transactionalId);
  }

  close(): void {
    for (const { open } of this.#entries.values()) open?.timer.cancel();
  }

  #current(transactionalId: string, identity: Identity): Entry {
    const entry = this.#entries.get(transactionalId);
    if (entry !== undefined && entry.epoch === identity.epoch) return entry;
    throw new GavelError('PRODUCER_FENCED', `a newer producer uses the transactional id ${transactionalId}`);
  }

  #opened(transactionalId: string, entry: Entry): Open {
    entry.open ??= {
      logs: new Set(),
      offsets: [],
      timer: this.#options.clock.setTimer(this.#options.timeoutMs, () => this.fence(transactionalId)),
    };
    return entry.open;
  }

  #finish(entry: Entry, commit: boolean): void {
    const open = entry.open;
    if (open === undefined) return;
    entry.open = undefined;
    open.timer.cancel();
    for (const { groupId, offsets } of open.offsets) {
      if (commit) this.#options.offsets.apply(groupId, offsets);
      this.#options.offsets.release(groupId, offsets);
    }
    for (const log of open.logs) log.endTransaction(entry.producerId, commit);
  }
}
