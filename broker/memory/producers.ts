/** Producers of the memory broker: each one's requests arrive in the order of its calls, as on one connection. */

import type { GroupMember, OffsetCommit, ProducedBatch, ProducedOffset, Producer } from '../../streams/broker.ts';
import type { Identity, TransactionIds } from '../transaction-ids.ts';
import type { TransactionRequests } from '../transactional-producer.ts';
import type { Gate, Operation } from './gate.ts';
import type { PartitionLog } from './partition-log.ts';

/** Checks all batches, then appends them. */
export type Append = (batches: readonly ProducedBatch[], identity: Identity, transactional: boolean) => Appended[];

export interface Appended {
  readonly log: PartitionLog;
  readonly at: ProducedOffset;
}

/** What a transaction of the memory broker leaves behind as it goes. */
export interface MemoryWork {
  readonly logs: Set<PartitionLog>;
  readonly produced: ProducedOffset[];
}

class Connection {
  #last: Promise<unknown> = Promise.resolve();

  send<T>(request: () => Promise<T>): Promise<T> {
    const answer = this.#last.then(request);
    this.#last = answer.catch(() => undefined);
    return answer;
  }
}

export class MemoryProducer implements Producer {
  readonly #connection = new Connection();
  readonly #gate: Gate;
  readonly #append: Append;
  readonly #identity: Identity;

  constructor(gate: Gate, append: Append, producerId: number) {
    this.#gate = gate;
    this.#append = append;
    this.#identity = { producerId, epoch: 0 };
  }

  produce(batches: readonly ProducedBatch[]): Promise<readonly ProducedOffset[]> {
    const call = { operation: 'produce', ...topicOf(batches) } as const;
    const apply = (): ProducedOffset[] => this.#append(batches, this.#identity, false).map(({ at }) => at);
    return this.#connection.send(() => this.#gate.pass(call, apply));
  }

  close(): Promise<void> {
    return Promise.resolve();
  }
}

export class MemoryTransactions implements TransactionRequests {
  readonly #connection = new Connection();
  readonly #id: string;
  readonly #gate: Gate;
  readonly #ids: TransactionIds<MemoryWork>;
  readonly #append: Append;

  constructor(transactionalId: string, gate: Gate, ids: TransactionIds<MemoryWork>, append: Append) {
    this.#id = transactionalId;
    this.#gate = gate;
    this.#ids = ids;
    this.#append = append;
  }

  init(): Promise<Identity> {
    return this.#send('init', () => this.#ids.init(this.#id));
  }

  produce(identity: Identity, batches: readonly ProducedBatch[]): Promise<void> {
    const append = (): void => {
      const { logs, produced } = this.#ids.work(this.#id, identity);
      for (const { log, at } of this.#append(batches, identity, true)) {
        logs.add(log);
        produced.push(at);
      }
    };
    return this.#send('produce', append, topicOf(batches));
  }

  commitOffsets(identity: Identity, member: GroupMember, offsets: readonly OffsetCommit[]): Promise<void> {
    return this.#send('commitOffsets', () => this.#ids.hold(this.#id, identity, member, offsets), {
      groupId: member.groupId,
    });
  }

  end(identity: Identity, commit: boolean): Promise<readonly ProducedOffset[]> {
    return this.#send(commit ? 'commit' : 'abort', () => {
      const open = this.#ids.take(this.#id, identity);
      if (open === undefined) return [];
      this.#ids.settle(open, commit);
      for (const log of open.work.logs) log.endTransaction(identity.producerId, commit);
      return open.work.produced;
    });
  }

  #send<T>(operation: Operation, apply: () => T, what: { topic?: string; groupId?: string } = {}): Promise<T> {
    const call = { operation, transactionalId: this.#id, ...what };
    return this.#connection.send(() => this.#gate.pass(call, apply));
  }
}

function topicOf(batches: readonly ProducedBatch[]): { readonly topic?: string } {
  return batches[0] === undefined ? {} : { topic: batches[0].topic };
}
