/** Transactional ids of a broker in this process: who may write under each, and which transaction stands open. */

import type { GroupMember, OffsetCommit } from '../streams/broker.ts';
import type { Clock, Timer } from '../streams/time.ts';
import type { GroupOffsets } from './group-offsets.ts';
import type { GroupCoordinator } from './groups.ts';
import { GavelError } from '../streams/errors.ts';

/** A producer as the log knows it; an older epoch of the same id is fenced. */
export interface Identity {
  readonly producerId: number;
  readonly epoch: number;
}

/** An open transaction: `work` is what the broker keeps of its batches. */
export interface OpenTransaction<W> {
  readonly work: W;
  readonly offsets: { readonly groupId: string; readonly offsets: readonly OffsetCommit[] }[];
  readonly timer: Timer;
}

interface Entry<W> {
  producerId: number;
  epoch: number;
  open: OpenTransaction<W> | undefined;
}

export interface TransactionIdsOptions<W> {
  readonly clock: Clock;
  /** After that long an open transaction is aborted and its producer fenced. */
  readonly timeoutMs: number;
  readonly coordinator: GroupCoordinator;
  readonly offsets: GroupOffsets;
  readonly newProducerId: () => number;
  readonly newWork: () => W;
  /** Undoes what a transaction did that will never commit. */
  readonly abort: (producerId: number, work: W) => void;
}

const EPOCH_MAX = 32_767;

export class TransactionIds<W> {
  readonly #options: TransactionIdsOptions<W>;
  readonly #entries = new Map<string, Entry<W>>();

  constructor(options: TransactionIdsOptions<W>) {
    this.#options = options;
  }

  /** Takes an id over from the disk. */
  restore(transactionalId: string, { producerId, epoch }: Identity): void {
    this.#entries.set(transactionalId, { producerId, epoch, open: undefined });
  }

  /** Fences older producers of the id and aborts what they left open. */
  init(transactionalId: string): Identity {
    let entry = this.#entries.get(transactionalId);
    if (entry === undefined) {
      entry = { producerId: this.#options.newProducerId(), epoch: -1, open: undefined };
      this.#entries.set(transactionalId, entry);
    }
    this.#abort(entry);
    if (entry.epoch === EPOCH_MAX) entry.producerId = this.#options.newProducerId();
    entry.epoch = entry.epoch === EPOCH_MAX ? 0 : entry.epoch + 1;
    return { producerId: entry.producerId, epoch: entry.epoch };
  }

  /** The open transaction's work, beginning it where there is none. @throws GavelError `PRODUCER_FENCED` */
  work(transactionalId: string, identity: Identity): W {
    return this.#opened(transactionalId, identity).work;
  }

  /** Adds offsets to the transaction; until it ends they are unstable. @throws GavelError `PRODUCER_FENCED` and those of the fence */
  hold(transactionalId: string, identity: Identity, member: GroupMember, offsets: readonly OffsetCommit[]): void {
    this.#current(transactionalId, identity);
    this.#options.coordinator.checkCommit(member, true);
    const { groupId } = member;
    this.#options.offsets.hold(groupId, offsets);
    this.#opened(transactionalId, identity).offsets.push({ groupId, offsets });
  }

  /**
   * Closes the transaction, undefined where it did nothing; its end is `settle`. Like Kafka it asks for the epoch only:
   * a member that was removed may still commit. @throws GavelError `PRODUCER_FENCED`
   */
  take(transactionalId: string, identity: Identity): OpenTransaction<W> | undefined {
    const entry = this.#current(transactionalId, identity);
    const open = entry.open;
    open?.timer.cancel();
    entry.open = undefined;
    return open;
  }

  /** The outcome of a transaction that was taken: its offsets are the group's now, or forgotten. */
  settle({ offsets: groups }: OpenTransaction<W>, committed: boolean): void {
    for (const { groupId, offsets } of groups) {
      if (committed) this.#options.offsets.apply(groupId, offsets);
      this.#options.offsets.release(groupId, offsets);
    }
  }

  /** Aborts what stands open under the id and shuts its producer out. */
  fence(transactionalId: string): void {
    if (this.#entries.has(transactionalId)) this.init(transactionalId);
  }

  close(): void {
    for (const entry of this.#entries.values()) this.#abort(entry);
  }

  #current(transactionalId: string, identity: Identity): Entry<W> {
    const entry = this.#entries.get(transactionalId);
    if (entry?.producerId === identity.producerId && entry.epoch === identity.epoch) return entry;
    throw new GavelError('PRODUCER_FENCED', `a newer producer uses the transactional id ${transactionalId}`);
  }

  #opened(transactionalId: string, identity: Identity): OpenTransaction<W> {
    const entry = this.#current(transactionalId, identity);
    entry.open ??= {
      work: this.#options.newWork(),
      offsets: [],
      timer: this.#options.clock.setTimer(this.#options.timeoutMs, () => this.fence(transactionalId)),
    };
    return entry.open;
  }

  #abort(entry: Entry<W>): void {
    const open = entry.open;
    if (open === undefined) return;
    entry.open = undefined;
    open.timer.cancel();
    this.#options.abort(entry.producerId, open.work);
    this.settle(open, false);
  }
}
