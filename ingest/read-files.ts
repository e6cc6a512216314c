/** Reads the files of a run: their records by topic, in the order of sending, and the lines that are none. */

import { GavelError } from 'gavel/streams';
import type { Item, RecordTypes } from 'gavel/schemas';
import type { AuctionTopics, LogRecord } from '../topology/topics.ts';
import { COLUMNS, LineFault, type Cells, type FileKind, type LineReader, type LineSink } from './columns.ts';
import { closingOf } from './closings.ts';
import { CsvReader } from './csv.ts';
import { DeadLetters } from './dead-letters.ts';
import { JsonLinesReader } from './json-lines.ts';
import { FileLines } from './lines.ts';
import type { FileSource } from './ports.ts';
import { makeBid, makeItem, makePosSale, makeUser } from './record-makers.ts';
import { RecordTable } from './record-table.ts';

/** Records of one topic and the lines that should have been some. */
export interface LoadedKind<V> {
  readonly table: RecordTable<V>;
  readonly dead: DeadLetters;
}

export interface LoadedFiles {
  readonly users: LoadedKind<RecordTypes['User']>;
  readonly items: LoadedKind<Item>;
  readonly bids: LoadedKind<LogRecord>;
  readonly pos: LoadedKind<RecordTypes['PosSale']>;
  /** A CloseAuction for each BATCH auction of the items. */
  readonly closings: RecordTable<LogRecord>;
  /** Auctions of the items. */
  readonly auctions: number;
}

export interface ReadOptions {
  readonly files: Readonly<Partial<Record<FileKind, readonly FileSource[]>>>;
  readonly topics: AuctionTopics;
  /** Currencies of the auctions in the log; asked at most once, for a bid whose auction is not among the items. */
  readonly currencies: () => Promise<ReadonlyMap<string, string>>;
  readonly onWarning: (message: string) => void;
  readonly onFile: (name: string, lines: number) => void;
}

/** Of the closings of an items file: they have no file of their own. */
export function closingsId(file: string): string {
  return `${file}#close`;
}

/** @throws GavelError `INPUT_INVALID` where a file cannot be read at all or is given twice */
export function readFiles(options: ReadOptions): Promise<LoadedFiles> {
  return new FilesReader(options).read();
}

/** Where the rows of a file go. @throws LineFault for a row that is no record */
type AddRow = (line: number, cells: Cells) => void;

/** Thrown for the first bid whose currency only the log knows. */
class CurrencyNeeded extends Error {}

class FilesReader {
  readonly #options: ReadOptions;
  readonly #currencies = new Map<string, string>();
  readonly #warnings = new Set<string>();
  #currenciesOfLog: ReadonlyMap<string, string> | undefined;

  constructor(options: ReadOptions) {
    this.#options = options;
  }

  async read(): Promise<LoadedFiles> {
    const { topics } = this.#options;
    const users = kind(topics.users);
    const items = kind(topics.items);
    const bids = kind<LogRecord>(topics.bids);
    const pos = kind(topics.pos);
    const closings = new RecordTable<LogRecord>(topics.bids);
    await this.#readKind('users', users, (line, cells) => {
      const user = makeUser(cells);
      users.table.add(line, user.userId, user, user.registeredAt);
    });
    await this.#readKind('items', items, (line, cells) => this.#addItem(items.table, closings, line, cells), closings);
    const auctions = this.#currencies.size;
    await this.#readKind('bids', bids, (line, cells) => {
      const bid = makeBid(cells, (auctionId) => this.#currencyOf(auctionId));
      bids.table.add(line, bid.auctionId, bid, bid.placedAt);
    });
    bids.table.sortByTime();
    await this.#readKind('pos', pos, (line, cells) => {
      const sale = makePosSale(cells);
      pos.table.add(line, sale.auctionId, sale, sale.paidAt);
    });
    return { users, items, bids, pos, closings, auctions };
  }

  #addItem(items: RecordTable<Item>, closings: RecordTable<LogRecord>, line: number, cells: Cells): void {
    const item = makeItem(cells);
    const { auctionId, currency, channel } = item;
    items.add(line, auctionId, item, item.startsAt);
    if (channel === 'BATCH' && !this.#currencies.has(auctionId)) {
      closings.add(line, auctionId, closingOf(auctionId), item.endsAt);
    }
    this.#currencies.set(auctionId, currency);
  }

  #currencyOf(auctionId: string): string | undefined {
    const known = this.#currencies.get(auctionId);
    if (known !== undefined) return known;
    if (this.#currenciesOfLog === undefined) throw new CurrencyNeeded();
    return this.#currenciesOfLog.get(auctionId);
  }

  /** Once, also where a file is read again. */
  #warn(message: string): void {
    if (this.#warnings.has(message)) return;
    this.#warnings.add(message);
    this.#options.onWarning(message);
  }

  async #readKind<V>(
    name: FileKind,
    { table, dead }: LoadedKind<V>,
    add: AddRow,
    closings?: RecordTable<LogRecord>,
  ): Promise<void> {
    for (const source of this.#options.files[name] ?? []) {
      table.beginFile();
      closings?.beginFile();
      dead.beginFile(source.name);
      const file = await this.#readFile(name, source, dead, add).catch(async (error: unknown) => {
        if (!(error instanceof CurrencyNeeded)) throw error;
        for (const part of [table, dead]) part.restartFile();
        this.#currenciesOfLog = await this.#options.currencies();
        return this.#readFile(name, source, dead, add);
      });
      if (table.files.includes(file)) {
        const hint = 'give each file once; its lines would count as sent already';
        throw new GavelError('INPUT_INVALID', `${source.name} is given twice`, { hint });
      }
      table.nameFile(file);
      dead.nameFile(file);
      closings?.nameFile(closingsId(file));
    }
  }

  /** Answers the hash of the file. */
  async #readFile(kindName: FileKind, source: FileSource, dead: DeadLetters, add: AddRow): Promise<string> {
    const lines = new FileLines(source);
    const sink: LineSink = {
      row(line, cells, bytes) {
        try {
          add(line, cells);
        } catch (error) {
          if (!(error instanceof LineFault)) throw error;
          dead.add(line, error, bytes);
        }
      },
      fault: (line, fault, bytes) => dead.add(line, fault, bytes),
      warn: (message) => this.#warn(message),
    };
    let reader: LineReader | undefined;
    let count = 0;
    for await (const batch of lines.read()) {
      for (const line of batch) {
        reader ??= readerFor(line.bytes, { kindName, sink, name: source.name });
        reader.line(line);
      }
      count += batch.length;
      this.#options.onFile(source.name, count);
    }
    reader?.end();
    return lines.digest();
  }
}

function kind<V>(topic: ConstructorParameters<typeof RecordTable<V>>[0]): LoadedKind<V> {
  return { table: new RecordTable<V>(topic), dead: new DeadLetters(topic) };
}

/** JSON Lines begin with an object, CSV with its header. */
function readerFor(
  firstLine: Buffer,
  { kindName, sink, name }: { readonly kindName: FileKind; readonly sink: LineSink; readonly name: string },
): LineReader {
  const columns = COLUMNS[kindName];
  const json = firstLine.toString('latin1').trimStart().startsWith('{');
  return json ? new JsonLinesReader(columns, sink, name) : new CsvReader(columns, sink, name);
}
