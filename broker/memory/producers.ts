/** The client side of the memory broker's producers: one request after the other, and the order of calls. */

import type {
  GroupMember,
  OffsetCommit,
  ProducedBatch,
  ProducedOffset,
  Producer,
  Transaction,
  TransactionalProducer,
} from '../../streams/broker.ts';
import type { Gate, Operation } from './gate.ts';
import type { Identity } from './partition-log.ts';
import type { Transactions } from './transactions.ts';
import { GavelError, isGavelError } from '../../streams/errors.ts';

/** Requests of one producer reach the broker in the order of the calls, as on one connection. */
class Connection {
  #last: Promise<unknown> = Promise.resolve();

  send<T>(request: () => Promise<T>): Promise<T> {
    const answer = this.#last.then(request);
    this.#last = answer.catch(() => undefined);
    return answer;
  }
}

export class MemoryProducer implements Producer {
  readonly #gate: Gate;
  readonly #append: (batches: readonly ProducedBatch[]) => ProducedOffset[];
  readonly #connection = new Connection();

  constructor(gate: Gate, append: (batches: readonly ProducedBatch[]) => ProducedOffset[]) {
    this.#gate = gate;
    this.#append = append;
  }

  produce(batches: readonly ProducedBatch[]): Promise<readonly ProducedOffset[]> {
    const call = { operation: 'produce', ...topicOf(batches) } as const;
    return this.#connection.send(() => this.#gate.pass(call, () => this.#append(batches)));
  }

  close(): Promise<void> {
    return Promise.resolve();
  }
}

export class MemoryTransactionalProducer implements TransactionalProducer {
  readonly #transactionalId: string;
  readonly #gate: Gate;
  readonly #transactions: Transactions;
  readonly #connection = new Connection();
  /** Undefined before `init`, and where its answer is due. */
  #identity: Identity | undefined;
  #open: MemoryTransaction | undefined;

  constructor(transactionalId: string, gate: Gate, transactions: Transactions) {
    this.#transactionalId = transactionalId;
    this.#gate = gate;
    this.#transactions = transactions;
  }

  async init(): Promise<void> {
    this.#identity = undefined;
    this.#open = undefined;
    this.#identity = await this.send('init', () => this.#transactions.init(this.#transactionalId));
  }

  begin(): Transaction {
    if (this.#identity === undefined)
      throw new GavelError('ILLEGAL_STATE', `${this.#transactionalId}: call init first`);
    if (this.#open !== undefined)
      throw new GavelError('ILLEGAL_STATE', `${this.#transactionalId}: a transaction is open`);
    this.#open = new MemoryTransaction(this, this.#transactions, this.#transactionalId, this.#identity);
    return this.#open;
  }

  async close(): Promise<void> {
    const open = this.#open;
    this.#identity = undefined;
    this.#open = undefined;
    await open?.abort();
  }

  /** One request of this producer. */
  send<T>(operation: Operation, apply: () => T, topic: { readonly topic?: string } = {}): Promise<T> {
    const call = { operation, transactionalId: this.#transactionalId, ...topic };
    return this.#connection.send(() => this.#gate.pass(call, apply));
  }

  /** The transaction has ended; unless its outcome is known only `init` leads on. */
  ended(transaction: Transaction, known: boolean): void {
    if (this.#open !== transaction) return;
    this.#open = undefined;
    if (!known) this.#identity = undefined;
  }
}

class MemoryTransaction implements Transaction {
  readonly #producer: MemoryTransactionalProducer;
  readonly #transactions: Transactions;
  readonly #transactionalId: string;
  readonly #identity: Identity;
  readonly #produced: ProducedOffset[][] = [];
  #calls = 0;
  #failed = false;
  #ended = false;

  constructor(
    producer: MemoryTransactionalProducer,
    transactions: Transactions,
    transactionalId: string,
    identity: Identity,
  ) {
    this.#producer = producer;
    this.#transactions = transactions;
    this.#transactionalId = transactionalId;
    this.#identity = identity;
  }

  async produce(batches: readonly ProducedBatch[]): Promise<void> {
    const at = this.#produced.push([]) - 1;
    this.#produced[at] = await this.#send(
      'produce',
      () => this.#transactions.produce(this.#transactionalId, this.#identity, batches),
      topicOf(batches),
    );
  }

  commitOffsets(member: GroupMember, offsets: readonly OffsetCommit[]): Promise<void> {
    return this.#send('commitOffsets', () => {
      this.#transactions.commitOffsets(this.#transactionalId, this.#identity, { member, offsets });
    });
  }

  async commit(): Promise<readonly ProducedOffset[]> {
    if (this.#calls > 0 || this.#failed) {
      throw new GavelError('ILLEGAL_STATE', 'a transaction with calls under way or failed cannot be committed');
    }
    await this.#end('commit');
    return this.#produced.flat();
  }

  async abort(): Promise<void> {
    if (this.#ended) return;
    try {
      await this.#end('abort');
    } catch (error) {
      if (!isGavelError(error, 'PRODUCER_FENCED')) throw error; // who fenced it has aborted it
    }
  }

  async #end(operation: 'commit' | 'abort'): Promise<void> {
    this.#assertOpen();
    this.#ended = true;
    let known = false;
    try {
      await this.#producer.send(operation, () => {
        this.#transactions.end(this.#transactionalId, this.#identity, operation === 'commit');
      });
      known = true;
    } finally {
      this.#producer.ended(this, known);
    }
  }

  async #send<T>(operation: Operation, apply: () => T, topic: { readonly topic?: string } = {}): Promise<T> {
    this.#assertOpen();
    this.#calls++;
    try {
      return await this.#producer.send(operation, apply, topic);
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

function topicOf(batches: readonly ProducedBatch[]): { readonly topic?: string } {
  return batches[0] === undefined ? {} : { topic: batches[0].topic };
}
