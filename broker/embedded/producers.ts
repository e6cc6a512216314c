/** Producers of the embedded broker: a call, or a whole transaction, is one change of the log. */

import type { GroupMember, OffsetCommit, ProducedBatch, ProducedOffset, Producer } from '../../streams/broker.ts';
import type { Identity, OpenTransaction, TransactionIds } from '../transaction-ids.ts';
import type { TransactionRequests } from '../transactional-producer.ts';
import type { AcceptedBatch, AppendingProducer, EmbeddedLog } from './log.ts';
import type { Partition } from './partition.ts';
import type { Change, LogWriter } from './writer.ts';
import type { Row } from './keys.ts';
import { jsonRow, offsetRowKey, transactionalIdKey } from './keys.ts';

/** Batches of an open transaction, in the order of the calls: nothing of it is in the log. */
export type EmbeddedWork = AcceptedBatch[];

export class EmbeddedProducer implements Producer {
  readonly #log: EmbeddedLog;
  readonly #writer: LogWriter;
  readonly #producer: AppendingProducer;

  constructor(log: EmbeddedLog, writer: LogWriter, producerId: number) {
    this.#log = log;
    this.#writer = writer;
    this.#producer = { producerId, epoch: 0, sequences: new Map() };
  }

  async produce(batches: readonly ProducedBatch[]): Promise<readonly ProducedOffset[]> {
    const accepted = this.#log.accept(batches);
    return this.#writer.submit({
      bytes: bytesOf(accepted),
      durable: true,
      prepare: (write) => {
        const staged = this.#log.stage(accepted, this.#producer, false, write);
        return () => {
          this.#log.reveal(staged);
          return staged.map(({ produced }) => produced);
        };
      },
    });
  }

  close(): Promise<void> {
    return Promise.resolve();
  }
}

export interface EmbeddedTransactionsOptions {
  readonly transactionalId: string;
  readonly log: EmbeddedLog;
  readonly writer: LogWriter;
  readonly ids: TransactionIds<EmbeddedWork>;
}

/** Transactions under one id. Their batches and offsets are kept here until the commit writes them all at once. */
export class EmbeddedTransactions implements TransactionRequests {
  readonly #id: string;
  readonly #log: EmbeddedLog;
  readonly #writer: LogWriter;
  readonly #ids: TransactionIds<EmbeddedWork>;
  #sequences = new Map<Partition, number>();

  constructor({ transactionalId, log, writer, ids }: EmbeddedTransactionsOptions) {
    this.#id = transactionalId;
    this.#log = log;
    this.#writer = writer;
    this.#ids = ids;
  }

  /** The writer takes one after the other, so a commit of the former producer has ended when this answers. */
  async init(): Promise<Identity> {
    const identity = this.#ids.init(this.#id);
    this.#sequences = new Map();
    return this.#writer.submit({
      bytes: 0,
      durable: true,
      prepare: (write) => {
        write.putRows(jsonRow(transactionalIdKey(this.#id), identity));
        return () => identity;
      },
    });
  }

  async produce(identity: Identity, batches: readonly ProducedBatch[]): Promise<void> {
    const work = this.#ids.work(this.#id, identity);
    work.push(...this.#log.accept(batches));
  }

  async commitOffsets(identity: Identity, member: GroupMember, offsets: readonly OffsetCommit[]): Promise<void> {
    this.#ids.hold(this.#id, identity, member, offsets);
  }

  async end(identity: Identity, commit: boolean): Promise<readonly ProducedOffset[]> {
    const open = this.#ids.take(this.#id, identity);
    if (open === undefined) return [];
    if (!commit) {
      this.#ids.settle(open, false);
      return [];
    }
    try {
      return await this.#writer.submit(this.#change(identity, open));
    } catch (error) {
      this.#ids.settle(open, false);
      throw error;
    }
  }

  #change({ producerId, epoch }: Identity, open: OpenTransaction<EmbeddedWork>): Change<readonly ProducedOffset[]> {
    const producer = { producerId, epoch, sequences: this.#sequences };
    return {
      bytes: bytesOf(open.work),
      durable: true,
      prepare: (write) => {
        const staged = this.#log.stage(open.work, producer, true, write);
        for (const { groupId, offsets } of open.offsets) write.putRows(...offsetRows(groupId, offsets));
        return () => {
          this.#ids.settle(open, true);
          this.#log.reveal(staged);
          return staged.map(({ produced }) => produced);
        };
      },
    };
  }
}

/** The rows of a group's offsets. */
export function offsetRows(groupId: string, offsets: readonly OffsetCommit[]): Row[] {
  return offsets.map(({ topic, partition, offset, metadata }) => {
    return jsonRow(offsetRowKey(groupId, topic, partition), { offset, metadata });
  });
}

function bytesOf(batches: readonly AcceptedBatch[]): number {
  let bytes = 0;
  for (const batch of batches) bytes += batch.bytes.length;
  return bytes;
}
