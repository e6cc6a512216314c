/** What the tests of the loader share: a memory broker, an engine that judges at once, a clock that drives it, files in memory. */

import { memoryBroker, readRecords, recordProducer, type MemoryBroker } from 'gavel/broker';
import { avroSerdes, memoryRegistry, type BidVerdict, type Outcome, type Reason } from 'gavel/schemas';
import type { Broker, Clock } from 'gavel/streams';
import { ingest, type IngestOptions, type IngestResult } from '../../../ingest/ingest.ts';
import type { FileSource, Journal, JournalEntries, LogEntry, RecordSender } from '../../../ingest/ports.ts';
import { auctionTopics, type AuctionTopics } from '../../../topology/topics.ts';

export const GROUP = 'gavel';

/** A file that holds `text`, given in pieces. */
export function file(name: string, text: string | Buffer, pieceBytes = 64 * 1024): FileSource {
  const bytes = Buffer.from(text);
  return {
    name,
    async *open() {
      for (let at = 0; at < bytes.length; at += pieceBytes) yield bytes.subarray(at, at + pieceBytes);
    },
  };
}

export class MemoryJournal implements Journal {
  entries: JournalEntries | null = null;
  saves = 0;

  load(): Promise<JournalEntries | null> {
    return Promise.resolve(this.entries);
  }

  save(entries: JournalEntries): Promise<void> {
    this.entries = JSON.parse(JSON.stringify(entries)) as JournalEntries;
    this.saves++;
    return Promise.resolve();
  }
}

/** Copies listings and judges bids, as far as the loader can tell: unknown auction, no amount, known id; else accepted. */
export class InstantEngine {
  /** Whether it works; an engine that stands still commits nothing. */
  running = true;
  readonly #broker: Broker;
  readonly #topics: AuctionTopics;
  readonly #sender: RecordSender;
  readonly #positions = new Map<string, number>();
  readonly #listed = new Set<string>();
  readonly #bidIds = new Set<string>();

  constructor(broker: Broker, topics: AuctionTopics) {
    this.#broker = broker;
    this.#topics = topics;
    this.#sender = recordProducer(broker);
  }

  async step(): Promise<void> {
    if (!this.running) return;
    const { items, bids } = this.#topics;
    await this.#pass(items.name, async (entries) => {
      for (const { value } of entries) {
        const item = items.value.deserialize(value as Buffer);
        const listing = { ...item, type: 'Listing' } as const;
        await this.#sender.send(bids, [{ key: item.auctionId, value: listing, timestamp: 0, headers: [] }]);
      }
    });
    await this.#pass(bids.name, async (entries) => {
      for (const entry of entries) await this.#judge(entry);
    });
  }

  async #pass(topic: string, handle: (entries: readonly LogEntry[]) => Promise<void>): Promise<void> {
    const partitions = [0, 1, 2].map((partition) => ({ topic, partition }));
    const ends = await this.#broker.listOffsets(partitions, 'latest');
    const ranges = ends.map(({ partition, offset }) => {
      return { topic, partition, from: this.#positions.get(`${topic}:${partition}`) ?? 0, to: offset };
    });
    const entries: LogEntry[] = [];
    for await (const entry of readRecords(this.#broker, ranges)) entries.push(entry);
    await handle(entries);
    for (const { partition, to } of ranges) this.#positions.set(`${topic}:${partition}`, to);
    const member = { groupId: GROUP, generation: -1, memberId: '' };
    const commits = ranges.map(({ partition, to }) => ({ topic, partition, offset: to, metadata: '' }));
    await this.#broker.groups.commitOffsets(member, commits);
  }

  async #judge({ topic, partition, offset, value }: LogEntry): Promise<void> {
    const { bids, validated, rejected } = this.#topics;
    const record = bids.value.deserialize(value as Buffer);
    if (record.type === 'Listing') this.#listed.add(record.auctionId);
    if (record.type !== 'BidPlaced') return;
    const { bidId, auctionId, bidderId, bidType, amount, placedAt } = record;
    let reason: Reason | null = null;
    let outcome: Outcome = 'ACCEPTED';
    if (this.#bidIds.has(bidId)) outcome = 'DUPLICATE';
    else if (!this.#listed.has(auctionId)) reason = 'UNKNOWN_AUCTION';
    else if (amount <= 0) reason = 'INVALID_AMOUNT';
    if (reason !== null) outcome = 'REJECTED';
    this.#bidIds.add(bidId);
    const verdict: BidVerdict = {
      type: 'BidVerdict',
      bidId,
      auctionId,
      bidderId,
      bidType,
      outcome,
      reason,
      duplicateOf: null,
      currency: null,
      previousPrice: null,
      newPrice: null,
      leads: false,
      score: 0,
      signals: [],
      weightsVersion: 1,
      input: { topic, partition, offset },
      placedAt,
      decidedAt: placedAt,
    };
    const target = outcome === 'ACCEPTED' ? validated : rejected;
    await this.#sender.send(target, [{ key: auctionId, value: verdict, timestamp: 0, headers: [] }]);
  }
}

export interface Rig {
  readonly broker: MemoryBroker;
  readonly topics: AuctionTopics;
  readonly journal: MemoryJournal;
  readonly engine: InstantEngine;
  readonly clock: Clock;
  readonly sender: RecordSender;
  /** Loads files. */
  load(files: IngestOptions['files'], overrides?: Partial<IngestOptions>): Promise<IngestResult>;
  /** All records of a topic, by partition and offset. */
  log(topic: string): Promise<readonly LogEntry[]>;
}

export async function rig(): Promise<Rig> {
  const broker = memoryBroker();
  const serdes = avroSerdes(memoryRegistry());
  const topics = auctionTopics(serdes);
  await serdes.prepare();
  await broker.createTopics(Object.values(topics));
  const engine = new InstantEngine(broker, topics);
  const journal = new MemoryJournal();
  const sender = recordProducer(broker);
  let now = Date.UTC(2026, 0, 1);
  const clock: Clock = {
    now: () => now,
    setTimer(delayMs, callback) {
      const fire = async (): Promise<void> => {
        await engine.step();
        now += delayMs;
        callback();
      };
      void fire();
      return { cancel: () => undefined };
    },
  };
  const read: IngestOptions['read'] = (ranges) => readRecords(broker, ranges);
  return {
    broker,
    topics,
    journal,
    engine,
    clock,
    sender,
    load: (files, overrides = {}) =>
      ingest({ files, broker, topics, sender, read, journal, groupId: GROUP, clock, ...overrides }),
    async log(topic) {
      const partitions = [0, 1, 2].map((partition) => ({ topic, partition }));
      const ends = await broker.listOffsets(partitions, 'latest');
      const entries: LogEntry[] = [];
      for (const { partition, offset } of ends) {
        for await (const entry of read([{ topic, partition, from: 0, to: offset }])) entries.push(entry);
      }
      return entries;
    },
  };
}

/** Text of a header, or undefined. */
export function headerOf(entry: LogEntry, key: string): string | undefined {
  return entry.headers.find((header) => header.key === key)?.value?.toString();
}

export const ITEMS_HEADER =
  'auction_id,item_id,seller_id,title,category,currency,start_price,starts_at,ends_at,channel';
export const BIDS_HEADER = 'bid_id,auction_id,bidder_id,amount,bid_type,placed_at';

/** An items file of BATCH auctions a1 to an, in USD. */
export function itemsCsv(count: number, line = (i: number): string => itemLine(`a${i}`)): string {
  return [ITEMS_HEADER, ...Array.from({ length: count }, (_, i) => line(i + 1)), ''].join('\n');
}

export function itemLine(auctionId: string, currency = 'USD', channel = 'BATCH'): string {
  const times = '2026-01-01T00:00:00.000Z,2026-01-08T00:00:00.000Z';
  return `${auctionId},item-${auctionId},seller,Old clock,Antiques,${currency},10.${currency === 'JPY' ? '' : '00'},${times},${channel}`.replace(
    '10.,',
    '10,',
  );
}

export function bidsCsv(lines: readonly string[]): string {
  return [BIDS_HEADER, ...lines, ''].join('\n');
}

/** A bid that was placed `seconds` after the start. */
export function bidLine(bidId: string, auctionId: string, seconds: number, amount = '20.00'): string {
  const placedAt = new Date(Date.UTC(2026, 0, 2) + seconds * 1000).toISOString();
  return `${bidId},${auctionId},bidder,${amount},MANUAL,${placedAt}`;
}
