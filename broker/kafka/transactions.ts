/** The requests of one transactional id: KIP-98 with the fence of KIP-447. */

import {
  addOffsetsToTxnV3,
  addPartitionsToTxnV3,
  endTxnV3,
  initProducerIdV4,
  txnOffsetCommitV3,
} from '@platformatic/kafka';
import type { Connection } from '@platformatic/kafka';
import type { GroupMember, OffsetCommit, ProducedBatch, ProducedOffset } from '../../streams/broker.ts';
import { partitionKey } from '../../streams/broker.ts';
import { GavelError, isGavelError } from '../../streams/errors.ts';
import type { Identity } from '../transaction-ids.ts';
import type { TransactionRequests } from '../transactional-producer.ts';
import type { Cluster } from './cluster.ts';
import type { Connections } from './connections.ts';
import { brokerErrors, isConnectionError } from './errors.ts';
import type { KafkaGroups } from './groups.ts';
import { offsetTopics } from './groups.ts';
import type { Compression } from './options.ts';
import { Sender } from './sender.ts';

export interface KafkaTransactionsOptions {
  readonly cluster: Cluster;
  readonly connections: Connections;
  readonly groups: KafkaGroups;
  readonly compression: Compression;
  readonly transactionalId: string;
  readonly timeoutMs: number;
}

/** Producer id and epoch as of now: after an abort in doubt the epoch moves on under the same producer. */
interface Current extends Identity {
  producerId: number;
  epoch: number;
}

export class KafkaTransactions implements TransactionRequests {
  readonly #options: KafkaTransactionsOptions;
  readonly #sender: Sender;
  /** Of the open transaction: the partitions and groups that the coordinator knows of. */
  readonly #partitions = new Set<string>();
  readonly #groups = new Set<string>();
  #produced: (readonly ProducedOffset[])[] = [];

  constructor(options: KafkaTransactionsOptions) {
    this.#options = options;
    this.#sender = new Sender(options);
  }

  async init(): Promise<Identity> {
    const current: Current = { producerId: -1, epoch: -1 };
    await this.#initialize(current);
    this.#forget();
    return current;
  }

  async produce(identity: Identity, batches: readonly ProducedBatch[]): Promise<void> {
    const slot = this.#produced.push([]) - 1;
    const produced = this.#produced;
    produced[slot] = await this.#sender.send(batches, async () => {
      await this.#addPartitions(identity, batches);
      return identity;
    });
  }

  async commitOffsets(identity: Identity, member: GroupMember, offsets: readonly OffsetCommit[]): Promise<void> {
    const { cluster, groups, transactionalId } = this.#options;
    const { groupId, generation, memberId } = member;
    const { producerId, epoch } = identity;
    if (!this.#groups.has(groupId)) {
      this.#groups.add(groupId);
      await this.#atCoordinator('add offsets to a transaction', (connection) =>
        addOffsetsToTxnV3.api.async(connection, transactionalId, BigInt(producerId), epoch, groupId),
      );
    }
    const question = { kind: 'group', key: groupId, what: `commit offsets of group ${groupId}` } as const;
    await cluster.atCoordinator(question, async (coordinator) => {
      const connection = await this.#options.connections.get(coordinator);
      const instance = groups.instanceOf(memberId);
      const topics = offsetTopics(offsets);
      return txnOffsetCommitV3.api.async(
        connection,
        transactionalId,
        groupId,
        BigInt(producerId),
        epoch,
        generation,
        memberId,
        instance,
        topics,
      );
    });
  }

  async end(identity: Identity, commit: boolean): Promise<readonly ProducedOffset[]> {
    const produced = this.#produced.flat();
    const isEmpty = this.#partitions.size === 0 && this.#groups.size === 0;
    this.#forget();
    if (!isEmpty) await this.#end(identity, commit);
    if (this.#sender.inDoubt) await this.#initialize(identity);
    return produced;
  }

  /** The same request again, where its answer was lost, has the same outcome. */
  async #end({ producerId, epoch }: Identity, commit: boolean): Promise<void> {
    const { transactionalId } = this.#options;
    let lost = false;
    try {
      await this.#atCoordinator(commit ? 'commit a transaction' : 'abort a transaction', async (connection) => {
        try {
          return await endTxnV3.api.async(connection, transactionalId, BigInt(producerId), epoch, commit);
        } catch (error) {
          if (isConnectionError(error)) lost = true;
          else if (!commit && lost && brokerErrors(error).includes('INVALID_TXN_STATE')) return undefined; // it is aborted
          throw error;
        }
      });
    } catch (error) {
      if (isGavelError(error, 'PRODUCER_FENCED') || isGavelError(error, 'BROKER_CLOSED')) throw error;
      const text = error instanceof Error ? error.message : String(error);
      throw new GavelError('OUTCOME_UNKNOWN', text, { cause: error });
    }
  }

  /** Takes a new epoch, which ends what an older one left open; of the same producer, if it has been one. */
  async #initialize(current: Current): Promise<void> {
    const { transactionalId, timeoutMs } = this.#options;
    const answer = await this.#atCoordinator(`initialize ${transactionalId}`, (connection) =>
      initProducerIdV4.api.async(connection, transactionalId, timeoutMs, BigInt(current.producerId), current.epoch),
    );
    current.producerId = Number(answer.producerId);
    current.epoch = answer.producerEpoch;
    this.#sender.reset();
  }

  /** Tells the coordinator of partitions before the first batch goes there. */
  async #addPartitions({ producerId, epoch }: Identity, batches: readonly ProducedBatch[]): Promise<void> {
    const { transactionalId } = this.#options;
    const added = new Map<string, { readonly topic: string; readonly partition: number }>();
    for (const { topic, partition } of batches) {
      const key = partitionKey(topic, partition);
      if (!this.#partitions.has(key)) added.set(key, { topic, partition });
    }
    if (added.size === 0) return;
    for (const key of added.keys()) this.#partitions.add(key);
    const topics = [...Map.groupBy(added.values(), ({ topic }) => topic)].map(([name, each]) => ({
      name,
      partitions: each.map(({ partition }) => partition),
    }));
    const transaction = {
      transactionalId,
      producerId: BigInt(producerId),
      producerEpoch: epoch,
      verifyOnly: false,
      topics,
    };
    await this.#atCoordinator('add partitions to a transaction', (connection) =>
      addPartitionsToTxnV3.api.async(connection, [transaction]),
    );
  }

  #atCoordinator<T>(what: string, request: (connection: Connection) => Promise<T>): Promise<T> {
    const { cluster, connections, transactionalId } = this.#options;
    const question = { kind: 'transaction', key: transactionalId, what } as const;
    return cluster.atCoordinator(question, async (coordinator) => request(await connections.get(coordinator)));
  }

  #forget(): void {
    this.#partitions.clear();
    this.#groups.clear();
    this.#produced = [];
  }
}
