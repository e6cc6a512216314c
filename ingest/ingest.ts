/** Loads files into the topics, each line once however often it is run or killed, and tells what became of their bids. */

import { GavelError, partitionKey, type Broker, type Clock } from 'gavel/streams';
import type { AuctionTopics } from '../topology/topics.ts';
import { dueClosings } from './closings.ts';
import type { FileKind } from './columns.ts';
import { decode } from './decode.ts';
import { Notes, type FileTraces } from './notes.ts';
import type { FileSource, Journal, LogRange, ReadLog, RecordSender } from './ports.ts';
import { readFiles, type LoadedFiles } from './read-files.ts';
import { sendRest, SentRanks, sentLines } from './sent-records.ts';
import type { Shipment } from './shipment.ts';
import { countVerdicts, InputOffsets, type VerdictCounts } from './verdicts.ts';
import { waitForGroup } from './wait-for-group.ts';

export interface IngestOptions {
  /** Files by what they hold, in the order in which bids of the same time count. */
  readonly files: Readonly<Partial<Record<FileKind, readonly FileSource[]>>>;
  /**
   * Which auctions to close when the bids are judged: every BATCH one of the items files, none, or every BATCH one in the log that
   * ended by a time (ms since the epoch). Default `all` where items and bids come together, else `none`.
   */
  readonly close?: Close;
  readonly broker: Broker;
  /** Their serdes prepared. */
  readonly topics: AuctionTopics;
  readonly sender: RecordSender;
  readonly read: ReadLog;
  readonly journal: Journal;
  /** The group whose committed offsets tell what the copy step and the judge have passed: the application id. */
  readonly groupId: string;
  readonly clock: Clock;
  /** Without progress of that group for so long the load is given up. Default 30,000 ms. */
  readonly noProgressMs?: number;
  /** Bytes of one send; one is on its way while the next one is made. Default 512 KiB. */
  readonly sendBytes?: number;
  readonly onProgress?: (progress: IngestProgress) => void;
  /** Called for what is ignored, such as unknown columns. */
  readonly onWarning?: (message: string) => void;
  /** Stops between two sends; what was sent is found again by the next run. */
  readonly signal?: AbortSignal;
}

export interface IngestProgress {
  readonly phase: 'reading' | 'sending' | 'waiting' | 'counting';
  /** The file or topic. */
  readonly what: string;
  /** Lines or records; while waiting, records that are left. */
  readonly count: number;
}

/** Of the lines of the files, whichever run sent them. */
export interface IngestResult extends VerdictCounts {
  readonly auctions: number;
  /** Bids with a verdict: accepted, rejected and duplicates. */
  readonly bids: number;
  /** Lines that are in the dead letters, put there by the loader or by the engine. */
  readonly deadLetters: number;
}

const NO_PROGRESS_MS = 30_000;
const SEND_BYTES = 512 * 1024;

/**
 * Sends users and items, waits until the copy step has passed them, sends the bids in order of their times, waits until the judge has
 * passed them, closes auctions, sends point-of-sale events. Lines that are no records go to the dead letters; the others go on.
 * @throws GavelError `INPUT_INVALID` (a file cannot be read), `NO_PROGRESS`, and what the broker throws
 */
export async function ingest(options: IngestOptions): Promise<IngestResult> {
  const { broker, topics, journal, files } = options;
  const progress = options.onProgress ?? (() => undefined);
  await broker.createTopics(Object.values(topics));
  const loaded = await readFiles({
    files,
    topics,
    currencies: () => currenciesOfLog(options),
    onWarning: options.onWarning ?? (() => undefined),
    onFile: (what, count) => progress({ phase: 'reading', what, count }),
  });
  await broker.createTopics([loaded.users, loaded.items, loaded.bids, loaded.pos].map(({ dead }) => dead.topic));
  const close = closeOf(options);
  const traces = tracesOf(loaded, topics, close === 'all');
  const notes = await Notes.open({ broker, journal, partitions: topics.bids.partitions, traces });
  const result = await new Load(options, loaded, notes).run(close);
  await notes.finish(traces);
  return result;
}

type Close = 'all' | 'none' | number;

function closeOf({ close, files: { items = [], bids = [] } }: IngestOptions): Close {
  return close ?? (items.length > 0 && bids.length > 0 ? 'all' : 'none');
}

/** Which topics tell of a file. */
function tracesOf(loaded: LoadedFiles, topics: AuctionTopics, closes: boolean): readonly FileTraces[] {
  const { users, items, bids, pos, closings } = loaded;
  const verdicts = [topics.validated, topics.flagged, topics.rejected].map(({ name }) => name);
  const traces = (files: readonly string[], names: readonly string[]): readonly FileTraces[] =>
    files.map((file) => ({ file, topics: names }));
  return [
    ...traces(users.table.files, [topics.users.name, users.dead.topic.name]),
    ...traces(items.table.files, [topics.items.name, items.dead.topic.name, bids.dead.topic.name]),
    ...traces(closes ? closings.files : [], [topics.bids.name]),
    ...traces(bids.table.files, [topics.bids.name, bids.dead.topic.name, ...verdicts]),
    ...traces(pos.table.files, [topics.pos.name, pos.dead.topic.name]),
  ];
}

/** Currencies by auction, from the prices: they are compacted, and each auction has one from its listing on. */
async function currenciesOfLog({ broker, topics, read }: IngestOptions): Promise<ReadonlyMap<string, string>> {
  const { name, value: serde } = topics.prices;
  const currencies = new Map<string, string>();
  for await (const { value } of read(await wholeLog(broker, name, topics.prices.partitions))) {
    if (value === null) continue;
    const price = await decode(serde, value);
    currencies.set(price.auctionId, price.currency);
  }
  return currencies;
}

async function wholeLog(broker: Broker, topic: string, partitions: number): Promise<readonly LogRange[]> {
  const all = Array.from({ length: partitions }, (_, partition) => ({ topic, partition }));
  const starts = await broker.listOffsets(all, 'earliest');
  const ends = new Map((await broker.listOffsets(all, 'latest')).map((end) => [end.partition, end.offset]));
  return starts.map(({ partition, offset }) => ({ topic, partition, from: offset, to: ends.get(partition) as number }));
}

class Load {
  readonly #options: IngestOptions;
  readonly #loaded: LoadedFiles;
  readonly #notes: Notes;
  /** Ends of what this run has sent, by topic and partition: the log may show them later than it takes them. */
  readonly #sentEnds = new Map<string, number>();

  constructor(options: IngestOptions, loaded: LoadedFiles, notes: Notes) {
    this.#options = options;
    this.#loaded = loaded;
    this.#notes = notes;
  }

  async run(close: Close): Promise<IngestResult> {
    const { users, items, bids, pos, auctions } = this.#loaded;
    for (const { dead } of [users, items, bids, pos]) await this.#ship(dead);
    await this.#ship(users.table);
    await this.#ship(items.table);
    if (items.table.size > 0) await this.#waitUntilPassed(items.table.topic.name);
    const inputs = await this.#shipBids();
    if (items.table.size + bids.table.size > 0) await this.#waitUntilPassed(bids.table.topic.name);
    if (await this.#close(close)) await this.#waitUntilPassed(bids.table.topic.name);
    await this.#ship(pos.table);
    const verdicts = await this.#countVerdicts(inputs);
    const judged = verdicts.accepted + verdicts.rejected + verdicts.duplicates;
    const deadLetters = await this.#countDeadLetters();
    if (inputs.size > deadLetters) throw verdictsGone(inputs.size);
    return { auctions, bids: judged, ...verdicts, deadLetters };
  }

  /** Sends what of a shipment is not in the log yet. */
  async #ship(shipment: Shipment): Promise<void> {
    const { name } = shipment.topic;
    const sent = new SentRanks(shipment);
    const open = shipment.files.filter((file) => !this.#notes.isDone(file, name));
    for (const file of shipment.files) if (!open.includes(file)) sent.foundAll(file);
    const ranges = await this.#notes.rangesOf(name, open);
    for await (const line of sentLines(this.#options.read, ranges, open)) sent.found(line);
    await this.#send(shipment, sent, () => undefined);
  }

  /** Sends the bids; answers where all of them stand, also those of earlier runs. */
  async #shipBids(): Promise<InputOffsets> {
    const { table } = this.#loaded.bids;
    const sent = new SentRanks(table);
    const ranges = await this.#notes.rangesOf(table.topic.name, table.files);
    const inputs = new InputOffsets(ranges.map(({ from }) => from));
    for await (const line of sentLines(this.#options.read, ranges, table.files)) {
      sent.found(line);
      inputs.add(line.entry.partition, line.entry.offset);
    }
    await this.#send(table, sent, (partition, offset) => inputs.add(partition, offset));
    return inputs;
  }

  async #send(
    shipment: Shipment,
    sent: SentRanks,
    onRecord: (partition: number, offset: number) => void,
  ): Promise<void> {
    const { sender, clock, signal, sendBytes = SEND_BYTES } = this.#options;
    let count = 0;
    await sendRest(shipment, sent, {
      sender,
      clock,
      signal,
      sendBytes,
      onSent: (produced, records) => {
        for (const batch of produced) {
          const end = batch.baseOffset + batch.count;
          for (let offset = batch.baseOffset; offset < end; offset++) onRecord(batch.partition, offset);
          this.#sentEnds.set(partitionKey(batch.topic, batch.partition), end);
        }
        count += records;
        this.#progress('sending', shipment.topic.name, count);
      },
    });
  }

  /** Answers whether anything is to be waited for. */
  async #close(close: Close): Promise<boolean> {
    const { topics, sender, clock, read, broker } = this.#options;
    if (close === 'none') return false;
    if (close === 'all') {
      await this.#ship(this.#loaded.closings);
      return true;
    }
    const { name, partitions, value: serde } = topics.bids;
    await this.#waitUntilPassed(topics.items.name);
    const ranges = await wholeLog(broker, name, partitions);
    const closings = await dueClosings({ read, ranges, serde, endedBy: close });
    const records = closings.map((closing) => {
      return { key: closing.auctionId, value: closing, timestamp: clock.now(), headers: [] };
    });
    if (records.length > 0) await sender.send(topics.bids, records);
    return true;
  }

  /** Waits until the group has passed everything that is in the topic now. */
  async #waitUntilPassed(topic: string): Promise<void> {
    const { broker, groupId, clock, signal, noProgressMs = NO_PROGRESS_MS } = this.#options;
    const ends = await broker.listOffsets(this.#notes.partitionsOf(topic), 'latest');
    const targets = ends.map(({ partition, offset }) => {
      const sentEnd = this.#sentEnds.get(partitionKey(topic, partition)) ?? 0;
      return { topic, partition, offset: Math.max(offset, sentEnd) };
    });
    const onProgress = (left: number): void => this.#progress('waiting', topic, left);
    await waitForGroup(targets, { broker, groupId, clock, noProgressMs, signal, onProgress });
  }

  async #countVerdicts(inputs: InputOffsets): Promise<VerdictCounts> {
    const { read, topics } = this.#options;
    const { files } = this.#loaded.bids.table;
    this.#progress('counting', topics.bids.name, inputs.size);
    const names = [topics.validated, topics.flagged, topics.rejected].map(({ name }) => name);
    const ranges = await Promise.all(names.map((name) => this.#notes.rangesOf(name, files)));
    return countVerdicts(inputs, ranges.flat(), { read, topics });
  }

  /** Lines of the files in the dead letters. */
  async #countDeadLetters(): Promise<number> {
    const { users, items, bids, pos } = this.#loaded;
    const lines = new Set<string>();
    const places = [
      { topic: users.dead.topic.name, files: users.dead.files },
      { topic: items.dead.topic.name, files: items.dead.files },
      { topic: bids.dead.topic.name, files: items.dead.files },
      { topic: bids.dead.topic.name, files: bids.dead.files },
      { topic: pos.dead.topic.name, files: pos.dead.files },
    ];
    for (const { topic, files } of places) {
      const ranges = await this.#notes.rangesOf(topic, files);
      for await (const { file, line } of sentLines(this.#options.read, ranges, files)) lines.add(`${file}:${line}`);
    }
    return lines.size;
  }

  #progress(phase: IngestProgress['phase'], what: string, count: number): void {
    this.#options.onProgress?.({ phase, what, count });
  }
}

function verdictsGone(count: number): GavelError {
  return new GavelError('OFFSET_OUT_OF_RANGE', `${count} verdicts of bids in these files are no longer in the log`, {
    hint: 'the files were loaded longer ago than verdicts are kept; the auctions themselves are as they were',
  });
}
