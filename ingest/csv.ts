/** Reads CSV line by line: a bad line costs no other, also where a quote is never closed. */

import { isUtf8 } from 'node:buffer';
import { parse } from 'csv-parse/sync';
import { GavelError } from 'gavel/streams';
import { LineFault, type Column, type LineReader, type LineSink } from './columns.ts';
import type { Line } from './lines.ts';

/** A quoted field may hold so many line ends at most; beyond, its quote counts as never closed. */
const RECORD_LINES_MAX = 20;
const QUOTE = 0x22;
const LINE_END = Buffer.from('\n');

export class CsvReader implements LineReader {
  readonly #columns: readonly Column[];
  readonly #sink: LineSink;
  readonly #name: string;
  readonly #cells: (string | null)[];
  /** Place of each column in a line, -1 for one that is not there; undefined before the header. */
  #places: readonly number[] | undefined;
  #width = 0;
  /** Lines of a record whose quote is open. */
  #open: Line[] = [];

  /** @param name of the file, for errors */
  constructor(columns: readonly Column[], sink: LineSink, name: string) {
    this.#columns = columns;
    this.#sink = sink;
    this.#name = name;
    this.#cells = columns.map(() => null);
  }

  /** @throws GavelError `INPUT_INVALID` where the header is not one of this kind of file */
  line(line: Line): void {
    if (this.#places === undefined) return this.#header(line);
    if (this.#open.length === 0 && !isQuoteOpen(line.bytes)) return this.#record(line);
    this.#open.push(line);
    if (this.#open.length > 1 && isQuoteOpen(line.bytes)) this.#close();
    else if (this.#open.length === RECORD_LINES_MAX) this.#giveUp();
  }

  end(): void {
    while (this.#open.length > 0) this.#giveUp();
  }

  #header({ bytes }: Line): void {
    const names = fieldsOf(bytes.toString()).map((name) => name.trim());
    const fail = (what: string): never => {
      const expected = this.#columns.filter(({ required }) => required).map(({ name }) => name);
      const hint = `the first line names the columns: ${expected.join(',')}`;
      throw new GavelError('INPUT_INVALID', `${this.#name}: ${what}`, { hint });
    };
    for (const { name, required } of this.#columns) {
      if (required && !names.includes(name)) fail(`the column ${name} is missing`);
    }
    for (const [i, name] of names.entries()) {
      if (names.indexOf(name) !== i) fail(`the column ${name} is there twice`);
      if (this.#columns.every((column) => column.name !== name)) {
        this.#sink.warn(`${this.#name}: the column ${name} is unknown and ignored`);
      }
    }
    this.#places = this.#columns.map(({ name }) => names.indexOf(name));
    this.#width = names.length;
  }

  #record({ number, bytes, cut }: Line): void {
    const fault = cut ? tooLong() : this.#parse(bytes);
    if (fault === undefined) this.#sink.row(number, this.#cells, bytes);
    else this.#sink.fault(number, fault, bytes);
  }

  /** The quote that was open is closed: one record, or else its first line is bad and the others begin anew. */
  #close(): void {
    const [first] = this.#open as [Line];
    const bytes = Buffer.concat(this.#open.flatMap((line) => [line.bytes, LINE_END]).slice(0, -1));
    if (this.#open.some(({ cut }) => cut) || this.#parse(bytes) !== undefined) return this.#giveUp();
    this.#open = [];
    this.#sink.row(first.number, this.#cells, bytes);
  }

  #giveUp(): void {
    const [first, ...others] = this.#open as [Line, ...Line[]];
    this.#open = [];
    const fault = first.cut ? tooLong() : malformed('a quote is never closed');
    this.#sink.fault(first.number, fault, first.bytes);
    for (const line of others) this.line(line);
  }

  /** Fills the cells; answers what is wrong. */
  #parse(bytes: Buffer): LineFault | undefined {
    if (!isUtf8(bytes)) return malformed('it is not UTF-8');
    let fields: readonly string[];
    try {
      fields = fieldsOf(bytes.toString());
    } catch (error) {
      return malformed(`its quotes are wrong (${(error as { readonly code?: string }).code})`);
    }
    if (fields.length !== this.#width) return malformed(`${fields.length} fields instead of ${this.#width}`);
    const places = this.#places as readonly number[];
    for (let i = 0; i < places.length; i++) this.#cells[i] = fields[places[i] as number] || null;
    return undefined;
  }
}

/** The fields of one record. Without a quote a comma is always a separator. */
function fieldsOf(text: string): readonly string[] {
  if (!text.includes('"')) return text.split(',');
  return parse(text, { relax_column_count: true })[0] ?? [];
}

/** Whether a line has an odd number of quotes. */
function isQuoteOpen(bytes: Buffer): boolean {
  let open = false;
  for (let at = bytes.indexOf(QUOTE); at >= 0; at = bytes.indexOf(QUOTE, at + 1)) open = !open;
  return open;
}

function malformed(what: string): LineFault {
  return new LineFault('MALFORMED_LINE', what);
}

function tooLong(): LineFault {
  return new LineFault('LINE_TOO_LONG', 'the line is too long');
}
