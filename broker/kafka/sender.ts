/** Sends sealed batches in the order of the calls, many requests ahead of their answers, each batch into its log exactly once. */

import type { ProducedBatch, ProducedOffset } from '../../streams/broker.ts';
import { partitionKey } from '../../streams/broker.ts';
import { GavelError, isGavelError } from '../../streams/errors.ts';
import { MAX_TIMESTAMP, readLong } from '../../streams/record-batch/format.ts';
import { sealBatch } from '../../streams/record-batch/index.ts';
import { checkBatch } from '../topic-checks.ts';
import type { Identity } from '../transaction-ids.ts';
import type { Cluster, Leader } from './cluster.ts';
import { compressBatch } from './compression.ts';
import type { Connections } from './connections.ts';
import { errorName, isConnectionError, isPassing, kafkaError } from './errors.ts';
import type { Compression } from './options.ts';
import type { ProduceAnswer } from './produce-request.ts';
import { produceApi } from './produce-request.ts';

export interface SenderOptions {
  readonly cluster: Cluster;
  readonly connections: Connections;
  readonly compression: Compression;
  readonly transactionalId: string | null;
}

/** Called with the batches before their sequence numbers are taken; answers who sends them. */
export type Prepare = (batches: readonly ProducedBatch[]) => Promise<Identity>;

/** A batch on its way. */
interface Sent extends ProducedBatch {
  /** Counts the batches of the sender. */
  readonly number: number;
  readonly leader: Leader;
  answer: ProduceAnswer | undefined;
  error: Error | undefined;
  /** Settles when the batch that failed has been sent again. */
  recovered: Promise<void> | undefined;
}

interface Failed {
  readonly batch: Sent;
  readonly resolve: () => void;
  readonly reject: (error: unknown) => void;
}

/** Batches by the broker they go to, at most one per partition. */
type Round = readonly (readonly Sent[])[];

/** The default of the brokers. */
const PRODUCER_EXPIRATION_MS = 86_400_000;

/** Sequence numbers are of 31 bits and begin again at 0. */
const SEQUENCES = 2 ** 31;

export class Sender {
  readonly #options: SenderOptions;
  /** Partition → the next sequence number. */
  readonly #sequences = new Map<string, number>();
  /** Partitions that have taken a batch of the epoch. */
  readonly #known = new Set<string>();
  /** The last call's turn to send. */
  #turn: Promise<unknown> = Promise.resolve();
  #number = 0;
  /** Requests without an answer yet. */
  #unanswered = 0;
  #onAnswered: (() => void) | undefined;
  /** Batches that wait to be sent again. */
  #failed: Failed[] = [];
  /** Ends when all of them have been; until then nothing new is sent. */
  #recovery: Promise<void> | undefined;
  #inDoubt = false;

  constructor(options: SenderOptions) {
    this.#options = options;
  }

  /** Nobody knows which batches of a call are in the log, nor which sequence number comes next: only a new epoch leads on. */
  get inDoubt(): boolean {
    return this.#inDoubt;
  }

  /** Sequence numbers begin at 0: the producer has a new id or epoch. */
  reset(): void {
    this.#sequences.clear();
    this.#known.clear();
    this.#inDoubt = false;
  }

  /**
   * @throws GavelError `TOPIC_UNKNOWN`, `RECORD_TOO_LARGE`, what `prepare` throws, or the first failure of what was
   * sent; after the last of these `inDoubt` is set
   */
  async send(batches: readonly ProducedBatch[], prepare: Prepare): Promise<readonly ProducedOffset[]> {
    const turn = this.#turn.then(() => this.#dispatch(batches, prepare));
    this.#turn = turn.catch(() => undefined);
    const { sent, answered } = await turn;
    await answered;
    await recovered(sent);
    return sent.map(({ topic, partition, count, leader, answer }) => {
      const { baseOffset, timestamp } = answer as ProduceAnswer;
      return { topic, partition, baseOffset, count, timestamp, leaderEpoch: leader.leaderEpoch };
    });
  }

  async #dispatch(
    batches: readonly ProducedBatch[],
    prepare: Prepare,
  ): Promise<{ readonly sent: readonly Sent[]; readonly answered: Promise<unknown> }> {
    const { cluster, compression } = this.#options;
    cluster.assertOpen();
    await cluster.locate(batches);
    await cluster.loadLimits([...new Set(batches.map(({ topic }) => topic))]);
    const packed = batches.map((batch) => {
      const bytes = compressBatch(batch.bytes, compression);
      checkBatch({ ...batch, bytes }, cluster.maxMessageBytes(batch.topic) ?? Infinity);
      return { ...batch, bytes };
    });
    const identity = await prepare(batches);
    const leaders = new Map<ProducedBatch, Leader>();
    for (const [leader, led] of await cluster.byLeader(packed)) for (const batch of led) leaders.set(batch, leader);
    while (this.#recovery !== undefined) await this.#recovery;
    const sent = packed.map((batch): Sent => {
      this.#seal(batch, identity);
      const leader = leaders.get(batch) as Leader;
      return { ...batch, number: this.#number++, leader, answer: undefined, error: undefined, recovered: undefined };
    });
    const [first, ...others] = roundsOf(sent);
    if (first === undefined) return { sent, answered: Promise.resolve() };
    const answered = this.#requestAll(first);
    if (!first.flat().every(({ topic, partition }) => this.#known.has(partitionKey(topic, partition)))) {
      await this.#introduce(first.flat(), answered);
    }
    return { sent, answered: Promise.all([answered, ...others.map((round) => this.#requestAll(round))]) };
  }

  /** A broker that does not know the producer takes whatever number comes first: nothing may overtake the first batch. */
  async #introduce(batches: readonly Sent[], answered: Promise<unknown>): Promise<void> {
    await answered;
    await recovered(batches);
    for (const { topic, partition } of batches) this.#known.add(partitionKey(topic, partition));
  }

  /** Sends a round; never rejects. */
  async #requestAll(round: Round): Promise<void> {
    await Promise.all(round.map((batches) => this.#request(batches)));
  }

  #seal({ topic, partition, bytes, count }: ProducedBatch, { producerId, epoch }: Identity): void {
    const key = partitionKey(topic, partition);
    const sequence = this.#sequences.get(key) ?? 0;
    this.#sequences.set(key, (sequence + count) % SEQUENCES);
    sealBatch(bytes, {
      producer: { id: producerId, epoch, sequence },
      transactional: this.#options.transactionalId !== null,
    });
  }

  /** Sends batches to one broker, at most one per partition; those that fail are sent again later. Never rejects. */
  async #request(batches: readonly Sent[]): Promise<void> {
    this.#unanswered++;
    await this.#exchange(batches);
    for (const batch of batches) {
      if (batch.error === undefined) continue;
      const { promise, resolve, reject } = Promise.withResolvers<void>();
      promise.catch(() => undefined); // whoever sent it looks when all its batches are answered
      batch.recovered = promise;
      this.#failed.push({ batch, resolve, reject });
    }
    if (--this.#unanswered === 0) this.#onAnswered?.();
    if (this.#failed.length > 0) this.#recovery ??= this.#recover();
  }

  /** Notes answer or error of each batch; never rejects. */
  async #exchange(batches: readonly Sent[]): Promise<void> {
    const { connections, transactionalId } = this.#options;
    try {
      const connection = await connections.get((batches[0] as Sent).leader);
      const answers = await produceApi.async(connection, { transactionalId, batches });
      const byKey = new Map(answers.map((answer) => [partitionKey(answer.topic, answer.partition), answer]));
      for (const batch of batches) {
        batch.answer = byKey.get(partitionKey(batch.topic, batch.partition));
        if (batch.answer === undefined) batch.error = new GavelError('OUTCOME_UNKNOWN', 'a batch was not answered');
        else if (batch.answer.errorCode !== 0) batch.error = refusal(errorName(batch.answer.errorCode));
      }
    } catch (error) {
      const failure = error instanceof Error ? error : new Error(String(error));
      for (const batch of batches) batch.error = failure;
    }
  }

  /** When every request is answered, sends again what failed, one after the other in the order of the sequence numbers. */
  async #recover(): Promise<void> {
    /** Partitions in which a batch was missing: those behind it were out of order. */
    const gaps = new Set<string>();
    while (this.#failed.length > 0) {
      if (this.#unanswered > 0) await new Promise<void>((resolve) => (this.#onAnswered = resolve));
      const failed = this.#failed.sort((a, b) => a.batch.number - b.batch.number);
      this.#failed = [];
      for (const { batch, resolve, reject } of failed) {
        const key = partitionKey(batch.topic, batch.partition);
        try {
          await this.#resend(batch, gaps.has(key));
          resolve();
        } catch (error) {
          this.#inDoubt = true;
          reject(error);
        }
        gaps.add(key);
      }
    }
    this.#recovery = undefined;
  }

  /**
   * A broker that restarts forgets producers whose last record is older than `producer.id.expiration.ms`, by the record's
   * time, unless a transaction of theirs is open: it would take the batch a second time.
   */
  #mayBeForgotten({ bytes }: Sent): boolean {
    const { cluster, transactionalId } = this.#options;
    return transactionalId === null && readLong(bytes, MAX_TIMESTAMP) < cluster.now() - PRODUCER_EXPIRATION_MS / 2;
  }

  /** Sends one batch until it is in the log: the brokers know its sequence number. */
  async #resend(batch: Sent, isBehindGap: boolean): Promise<void> {
    const { cluster } = this.#options;
    const what = `produce to ${batch.topic}:${batch.partition}`;
    const name = nameOf(batch.error);
    const mayPass = isPassing(batch.error) || (isBehindGap && name === 'OUT_OF_ORDER_SEQUENCE_NUMBER');
    if (!mayPass && name !== 'UNKNOWN_TOPIC_OR_PARTITION') throw kafkaError(batch.error, what);
    if (isConnectionError(batch.error) && this.#mayBeForgotten(batch)) {
      throw new GavelError('OUTCOME_UNKNOWN', `the connection was lost: ${what}`, { cause: batch.error });
    }
    try {
      await cluster.retry(what, async () => {
        await cluster.refresh([batch.topic]);
        await cluster.locate([batch]);
        const leader = cluster.leader(batch.topic, batch.partition) as Leader;
        const again: Sent = { ...batch, leader, answer: undefined, error: undefined };
        await this.#exchange([again]);
        if (again.error !== undefined) throw again.error;
        batch.answer = again.answer;
      });
    } catch (error) {
      if (!isGavelError(error, 'BROKER_UNAVAILABLE')) throw error;
      throw new GavelError('OUTCOME_UNKNOWN', error.message, { cause: error });
    }
  }
}

async function recovered(batches: readonly Sent[]): Promise<void> {
  for (const batch of batches) await batch.recovered;
}

/** The first batch of every partition, then the second of every partition, and so on. */
function roundsOf(sent: readonly Sent[]): readonly Round[] {
  const rounds: Map<number, Sent[]>[] = [];
  const counts = new Map<string, number>();
  for (const each of sent) {
    const key = partitionKey(each.topic, each.partition);
    const round = counts.get(key) ?? 0;
    counts.set(key, round + 1);
    const byLeader = (rounds[round] ??= new Map());
    const together = byLeader.get(each.leader.nodeId);
    if (together === undefined) byLeader.set(each.leader.nodeId, [each]);
    else together.push(each);
  }
  return rounds.map((byLeader) => [...byLeader.values()]);
}

/** As the package throws them where it reads an answer itself. */
function refusal(name: string): Error {
  return Object.assign(new Error('a batch was refused'), { apiId: name });
}

function nameOf(error: unknown): unknown {
  return (error as { readonly apiId?: unknown }).apiId;
}
