/** Reads JSON Lines: one object per line with the columns as its fields. */

import { isUtf8 } from 'node:buffer';
import { LineFault, type CellType, type Column, type LineReader, type LineSink } from './columns.ts';
import type { Line } from './lines.ts';

/** A JSON number with more digits may have lost some on the way. */
const DIGITS_MAX = 15;

export class JsonLinesReader implements LineReader {
  readonly #columns: readonly Column[];
  readonly #sink: LineSink;
  readonly #name: string;
  readonly #cells: (string | null)[];
  /** Field names that are known, or were warned of. */
  readonly #met: Set<string>;

  /** @param name of the file, for warnings */
  constructor(columns: readonly Column[], sink: LineSink, name: string) {
    this.#columns = columns;
    this.#sink = sink;
    this.#name = name;
    this.#cells = columns.map(() => null);
    this.#met = new Set(columns.map((column) => column.name));
  }

  line({ number, bytes, cut }: Line): void {
    let object: Readonly<Record<string, unknown>>;
    try {
      object = parseObject(bytes, cut);
      for (const [i, { name, type }] of this.#columns.entries()) this.#cells[i] = cellOf(object[name], name, type);
    } catch (error) {
      if (!(error instanceof LineFault)) throw error;
      return this.#sink.fault(number, error, bytes);
    }
    for (const name of Object.keys(object)) {
      if (this.#met.has(name)) continue;
      this.#met.add(name);
      this.#sink.warn(`${this.#name}: the field ${name} is unknown and ignored`);
    }
    this.#sink.row(number, this.#cells, bytes);
  }

  end(): void {
    // every line stands for itself
  }
}

function parseObject(bytes: Buffer, cut: boolean): Readonly<Record<string, unknown>> {
  if (cut) throw new LineFault('LINE_TOO_LONG', 'the line is too long');
  if (!isUtf8(bytes)) throw new LineFault('MALFORMED_LINE', 'it is not UTF-8');
  let value: unknown;
  try {
    value = JSON.parse(bytes.toString());
  } catch (error) {
    throw new LineFault('MALFORMED_LINE', (error as Error).message);
  }
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    throw new LineFault('MALFORMED_LINE', 'it is no JSON object');
  }
  return value as Readonly<Record<string, unknown>>;
}

function cellOf(value: unknown, name: string, type: CellType): string | null {
  if (value === undefined || value === null || value === '') return null;
  if (typeof value === 'string') return value;
  if (typeof value === 'boolean' && type === 'boolean') return String(value);
  if (typeof value === 'number' && (type === 'decimal' || type === 'number')) return numberText(value, name);
  throw new LineFault('WRONG_TYPE', `${name} is ${Array.isArray(value) ? 'an array' : `of type ${typeof value}`}`);
}

function numberText(value: number, name: string): string {
  const text = String(value);
  if (text.replaceAll(/[-.]/g, '').length <= DIGITS_MAX && !text.includes('e')) return text;
  throw new LineFault('WRONG_TYPE', `${name} has too many digits for a JSON number: write it as a string`);
}
