/** Reads what the first run and its shadow wrote, and compares it partition by partition. */

import type { RawRecord, RecordRange } from 'gavel/broker';
import { readRecords } from 'gavel/broker';
import type { BidFlagged, BidVerdict, CurrentPrice, Transaction } from 'gavel/schemas';
import type { Broker, Topic } from 'gavel/streams';
import { shadowTopicName } from 'gavel/streams';

import { decode } from '../decode.ts';
import type { Platform } from '../platform.ts';
import { toJson } from '../print.ts';
import type { ComparisonResult, Side } from './comparison.ts';
import { LogComparison } from './comparison.ts';
import type { ComparedRange } from './range.ts';
import { timeAt } from './range.ts';

/** What the judge writes, and what a replay must write again, bit for bit. */
export type JudgeOutput = BidVerdict | BidFlagged | CurrentPrice | Transaction;

export interface OutputComparison extends ComparisonResult {
  /** BidVerdicts of the first run that were compared. */
  readonly verdicts: number;
  /** Records that cannot be held against anything: of auctions listed before the log begins, or older than what is kept. */
  readonly unverifiable: number;
}

export interface CompareOptions {
  readonly platform: Platform;
  /** e.g. `shadow-1` */
  readonly shadow: string;
  readonly ranges: readonly ComparedRange[];
}

/** Partition by partition; the verdicts' topics together, so that one that is flagged on one side only is a difference, not two. */
export async function compareOutputs(options: CompareOptions): Promise<readonly OutputComparison[]> {
  const { validated, flagged, rejected, prices, transactions } = options.platform.topics;
  const results: OutputComparison[] = [];
  for (const range of options.ranges) {
    const listed = range.start === 0 ? undefined : await listedAuctions(options.platform, range);
    for (const topics of [[validated, flagged, rejected], [prices], [transactions]]) {
      results.push(await new PartitionComparison(options, topics, { range, listed }).run());
    }
  }
  return results;
}

interface Part {
  readonly range: ComparedRange;
  /** Auctions whose listing is in the log; undefined where the log is complete. */
  readonly listed: ReadonlySet<string> | undefined;
}

/** One of the logs that are read. */
interface ReadLog {
  readonly side: Side;
  /** The topic of the first run that it is, or stands for. */
  readonly topic: Topic<string, JudgeOutput>;
  readonly range: RecordRange;
  /** Outputs up to this record time may have gone by retention. */
  readonly floor: number;
  /** Next offset, where no record is missing. */
  next: number;
}

class PartitionComparison {
  readonly #broker: Broker;
  /** The topic that decides. */
  readonly #log: string;
  readonly #topics: readonly Topic<string, JudgeOutput>[];
  readonly #shadow: string;
  readonly #part: Part;
  readonly #comparison: LogComparison;
  /** Outputs from this record time on are not compared: they came of what is behind the range. */
  #toTime = Infinity;
  #verdicts = 0;
  #unverifiable = 0;

  constructor({ platform, shadow }: CompareOptions, topics: readonly Topic<string, JudgeOutput>[], part: Part) {
    this.#broker = platform.broker;
    this.#log = platform.topics.bids.name;
    this.#topics = topics;
    this.#shadow = shadow;
    this.#part = part;
    this.#comparison = new LogComparison({ compacted: topics.some(({ config }) => config.cleanup === 'compact') });
  }

  /** Reads both sides side by side: what waits for its answer stays little. */
  async run(): Promise<OutputComparison> {
    const logs = new Map((await this.#logs()).map((log) => [log.range.topic, log]));
    const ranges = [...logs.values()].map(({ range }) => range);
    // Asked after the ends of the outputs were: where nothing is behind the range even now, none of them came of that.
    const { partition, to } = this.#part.range;
    this.#toTime = (await timeAt(this.#broker, { topic: this.#log, partition, offset: to })) ?? Infinity;
    for await (const record of readRecords(this.#broker, ranges)) {
      await this.#compare(logs.get(record.topic) as ReadLog, record);
    }
    for (const log of logs.values()) this.#noteGap(log, log.range.to);
    return { ...this.#comparison.result(), verdicts: this.#verdicts, unverifiable: this.#unverifiable };
  }

  async #logs(): Promise<readonly ReadLog[]> {
    const logs = this.#topics.map(async (topic) => {
      const range = await this.#wholeRange(topic.name);
      const floor = await this.#retentionFloor(topic, range);
      const shadow = await this.#wholeRange(shadowTopicName(topic.name, this.#shadow));
      return [
        { side: 'original', topic, range, floor, next: 0 },
        { side: 'shadow', topic, range: shadow, floor, next: 0 },
      ] as const;
    });
    return (await Promise.all(logs)).flat();
  }

  async #compare(log: ReadLog, record: RawRecord): Promise<void> {
    this.#noteGap(log, record.offset);
    if (record.key === null || record.value === null) return;
    const { side, topic, floor } = log;
    const key = record.key.toString();
    const value = await decode(topic.value, record.value);
    const { timestamp } = record;
    if (!isJudges(value) || !this.#isInRange(value, timestamp)) return;
    if (timestamp <= floor || this.#part.listed?.has(key) === false) {
      if (side === 'shadow') this.#unverifiable += 1;
      return;
    }
    if (side === 'original' && value.type === 'BidVerdict') this.#verdicts += 1;
    const content = toJson({ topic: topic.name, timestamp, ...value });
    this.#comparison.add(side, { key, identity: identityOf(key, value, timestamp), content });
  }

  #noteGap(log: ReadLog, offset: number): void {
    if (offset !== log.next) this.#comparison.compactionSeen();
    log.next = offset + 1;
  }

  /** The time of the oldest record that is kept, where older ones went. */
  async #retentionFloor({ config }: Topic<string, JudgeOutput>, range: RecordRange): Promise<number> {
    if (config.cleanup === 'compact' || range.from === 0) return -Infinity;
    for await (const record of readRecords(this.#broker, [range])) return record.timestamp;
    return Infinity;
  }

  async #wholeRange(topic: string): Promise<RecordRange> {
    const { partition } = this.#part.range;
    const [starts, ends] = await Promise.all([
      this.#broker.listOffsets([{ topic, partition }], 'earliest'),
      this.#broker.listOffsets([{ topic, partition }], 'latest'),
    ]);
    return { topic, partition, from: starts[0]?.offset ?? 0, to: ends[0]?.offset ?? 0 };
  }

  /** Verdicts by the offset of their bid; anything else by record time, which is that of its cause. */
  #isInRange(value: JudgeOutput, timestamp: number): boolean {
    const { from, to, fromTime } = this.#part.range;
    if (value.type === 'BidVerdict') return value.input.offset >= from && value.input.offset < to;
    return timestamp >= fromTime && timestamp < this.#toTime;
  }
}

/** `payments` writes transactions, too; but a sale is no part of the log that decides. */
function isJudges(value: JudgeOutput): boolean {
  return value.type !== 'Transaction' || value.saleId === null;
}

/** What a record stands for. */
export function identityOf(key: string, value: JudgeOutput, timestamp: number): string {
  if (value.type === 'CurrentPrice') return `CurrentPrice of ${key} at ${timestamp}`;
  const { topic, partition, offset } = value.input;
  return `${value.type} on ${topic}-${partition}@${offset}`;
}

async function listedAuctions({ broker, topics }: Platform, range: ComparedRange): Promise<ReadonlySet<string>> {
  const listed = new Set<string>();
  const { partition, start: from, to } = range;
  for await (const { value } of readRecords(broker, [{ topic: topics.bids.name, partition, from, to }])) {
    if (value === null) continue;
    const record = await decode(topics.bids.value, value);
    if (record.type === 'Listing') listed.add(record.auctionId);
  }
  return listed;
}
