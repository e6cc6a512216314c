/** The order of calls of a transactional producer, over whatever carries them out. */

import type {
  GroupMember,
  OffsetCommit,
  ProducedBatch,
  ProducedOffset,
  Transaction,
  TransactionalProducer,
} from '../streams/broker.ts';
import type { Identity } from './transaction-ids.ts';
import { GavelError, isGavelError } from '../streams/errors.ts';

/** The requests of one transactional id. */
export interface TransactionRequests {
  init(): Promise<Identity>;
  produce(identity: Identity, batches: readonly ProducedBatch[]): Promise<void>;
  commitOffsets(identity: Identity, member: GroupMember, offsets: readonly OffsetCommit[]): Promise<void>;
  /** Answers where the batches went, in the order of the calls. */
  end(identity: Identity, commit: boolean): Promise<readonly ProducedOffset[]>;
}

export class LocalTransactionalProducer implements TransactionalProducer {
  readonly #requests: TransactionRequests;
  /** Undefined before `init`, and where only `init` leads on. */
  #identity: Identity | undefined;
  #open: LocalTransaction | undefined;

  constructor(requests: TransactionRequests) {
    this.#requests = requests;
  }

  async init(): Promise<void> {
    this.#identity = undefined;
    this.#open = undefined;
    this.#identity = await this.#requests.init();
  }

  begin(): Transaction {
    if (this.#identity === undefined) throw new GavelError('ILLEGAL_STATE', 'a transaction needs init first');
    if (this.#open !== undefined) throw new GavelError('ILLEGAL_STATE', 'the last transaction has not ended');
    const open = new LocalTransaction(this.#requests, this.#identity, (known) => {
      if (this.#open !== open) return;
      this.#open = undefined;
      if (!known) this.#identity = undefined;
    });
    this.#open = open;
    return open;
  }

  async close(): Promise<void> {
    const open = this.#open;
    this.#identity = undefined;
    this.#open = undefined;
    await open?.abort();
  }
}

class LocalTransaction implements Transaction {
  readonly #requests: TransactionRequests;
  readonly #identity: Identity;
  readonly #onEnd: (outcomeKnown: boolean) => void;
  #calls = 0;
  #failed = false;
  #ended = false;

  constructor(requests: TransactionRequests, identity: Identity, onEnd: (outcomeKnown: boolean) => void) {
    this.#requests = requests;
    this.#identity = identity;
    this.#onEnd = onEnd;
  }

  produce(batches: readonly ProducedBatch[]): Promise<void> {
    return this.#call(() => this.#requests.produce(this.#identity, batches));
  }

  commitOffsets(member: GroupMember, offsets: readonly OffsetCommit[]): Promise<void> {
    return this.#call(() => this.#requests.commitOffsets(this.#identity, member, offsets));
  }

  async commit(): Promise<readonly ProducedOffset[]> {
    if (this.#calls > 0) throw new GavelError('ILLEGAL_STATE', 'calls of the transaction have not answered yet');
    if (this.#failed) throw new GavelError('ILLEGAL_STATE', 'a call of the transaction failed: abort it');
    return this.#end(true);
  }

  async abort(): Promise<void> {
    if (this.#ended) return;
    try {
      await this.#end(false);
    } catch (error) {
      if (!isGavelError(error, 'PRODUCER_FENCED')) throw error; // who fenced it has aborted it
    }
  }

  async #end(commit: boolean): Promise<readonly ProducedOffset[]> {
    this.#assertOpen();
    this.#ended = true;
    let known = false;
    try {
      const produced = await this.#requests.end(this.#identity, commit);
      known = true;
      return produced;
    } finally {
      this.#onEnd(known);
    }
  }

  async #call(request: () => Promise<void>): Promise<void> {
    this.#assertOpen();
    this.#calls++;
    try {
      await request();
    } catch (error) {
      this.#failed = true;
      throw error;
    } finally {
      this.#calls--;
    }
  }

  #assertOpen(): void {
    if (this.#ended) throw new GavelError('ILLEGAL_STATE', 'the transaction has ended');
  }
}
