/** Sends sealed batches in the order of the calls, many requests ahead of their answers, each batch into its log exactly once. */

import type { ProducedBatch, ProducedOffset } from '../../streams/broker.ts';
import { partitionKey } from '../../streams/broker.ts';
import { GavelError, isGavelError } from '../../streams/errors.ts';
import { sealBatch } from '../../streams/record-batch/index.ts';
import { checkBatch } from '../topic-checks.ts';
import type { Identity } from '../transaction-ids.ts';
import type { Cluster, Leader } from './cluster.ts';
import { compressBatch } from './compression.ts';
import type { Connections } from './connections.ts';
import { errorName, isPassing, kafkaError } from './errors.ts';
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
  readonly leader: Leader;
  answer: ProduceAnswer | undefined;
  error: Error | undefined;
}

/** Batches by the broker they go to, at most one per partition. */
type Round = readonly (readonly Sent[])[];

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
  /** The end of all sending again so far; undefined where none is under way. */
  #resending: Promise<void> | undefined;
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
    const failed = sent.filter(({ error }) => error !== undefined);
    if (failed.length > 0) await this.#resendInTurn(failed);
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
    while (this.#resending !== undefined) await this.#resending;
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
    const sent = packed.map((batch): Sent => {
      this.#seal(batch, identity);
      return { ...batch, leader: leaders.get(batch) as Leader, answer: undefined, error: undefined };
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
    const failed = batches.filter(({ error }) => error !== undefined);
    if (failed.length > 0) await this.#resendInTurn(failed);
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

  /** Sends batches to one broker, at most one per partition; never rejects. */
  async #request(round: readonly Sent[]): Promise<void> {
    const { connections, transactionalId } = this.#options;
    try {
      const connection = await connections.get((round[0] as Sent).leader);
      const answers = await produceApi.async(connection, { transactionalId, batches: round });
      const byKey = new Map(answers.map((answer) => [partitionKey(answer.topic, answer.partition), answer]));
      for (const each of round) {
        each.answer = byKey.get(partitionKey(each.topic, each.partition));
        if (each.answer === undefined) each.error = new GavelError('OUTCOME_UNKNOWN', 'a batch was not answered');
        else if (each.answer.errorCode !== 0) each.error = refusal(errorName(each.answer.errorCode));
      }
    } catch (error) {
      const failure = error instanceof Error ? error : new Error(String(error));
      for (const each of round) each.error = failure;
    }
  }

  /** Calls fail in the order in which they were sent, and send again in that order. */
  async #resendInTurn(failed: readonly Sent[]): Promise<void> {
    const before = this.#resending;
    const isFirst = before === undefined;
    const resent = (async () => {
      await before;
      for (const each of failed) await this.#resend(each, isFirst && each === failed[0]);
    })();
    const settled = resent
      .catch(() => undefined)
      .then(() => {
        if (this.#resending === settled) this.#resending = undefined;
      });
    this.#resending = settled;
    try {
      await resent;
    } catch (error) {
      this.#inDoubt = true;
      throw error;
    }
  }

  /** Sends one batch until it is in the log: the brokers know its sequence number. */
  async #resend(batch: Sent, isFirst: boolean): Promise<void> {
    const { cluster } = this.#options;
    const what = `produce to ${batch.topic}:${batch.partition}`;
    // A batch behind one that was refused is out of order: in order now, it is taken.
    const mayPass = isPassing(batch.error) || (!isFirst && nameOf(batch.error) === 'OUT_OF_ORDER_SEQUENCE_NUMBER');
    if (!mayPass && nameOf(batch.error) !== 'UNKNOWN_TOPIC_OR_PARTITION') throw kafkaError(batch.error, what);
    try {
      await cluster.retry(what, async () => {
        await cluster.refresh([batch.topic]);
        await cluster.locate([batch]);
        const leader = cluster.leader(batch.topic, batch.partition) as Leader;
        const again: Sent = { ...batch, leader, answer: undefined, error: undefined };
        await this.#request([again]);
        if (again.error !== undefined) throw again.error;
        batch.answer = again.answer;
        batch.error = undefined;
      });
    } catch (error) {
      if (!isGavelError(error, 'BROKER_UNAVAILABLE')) throw error;
      throw new GavelError('OUTCOME_UNKNOWN', error.message, { cause: error });
    }
  }
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
