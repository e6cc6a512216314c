/** A file of rows that is written as it comes: CSV with a header, or JSON Lines. */

import { open, type FileHandle } from 'node:fs/promises';

export type TableFormat = 'csv' | 'jsonl';

/** A cell; null is an empty CSV field and no JSON field. */
export type Cell = string | number | boolean | null;

/** Characters that wait to be written. */
const CHUNK_LENGTH = 256 * 1024;

export class TableFile {
  readonly #handle: FileHandle;
  readonly #columns: readonly string[];
  readonly #format: TableFormat;
  #chunk = '';

  private constructor(handle: FileHandle, columns: readonly string[], format: TableFormat) {
    this.#handle = handle;
    this.#columns = columns;
    this.#format = format;
    if (format === 'csv') this.#chunk = `${columns.join(',')}\n`;
  }

  /** Creates or replaces the file. */
  static async create(path: string, columns: readonly string[], format: TableFormat): Promise<TableFile> {
    return new TableFile(await open(path, 'w'), columns, format);
  }

  /** One row as a line without its end. */
  line(cells: readonly Cell[]): string {
    if (this.#format === 'csv') return cells.map(csvField).join(',');
    const entries = this.#columns.map((column, i) => [column, cells[i] ?? null] as const);
    return JSON.stringify(Object.fromEntries(entries.filter(([, cell]) => cell !== null)));
  }

  /** Adds a line. True: call `flush` before the next one. */
  add(line: string): boolean {
    this.#chunk += `${line}\n`;
    return this.#chunk.length >= CHUNK_LENGTH;
  }

  async flush(): Promise<void> {
    const chunk = this.#chunk;
    this.#chunk = '';
    await this.#handle.writeFile(chunk);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    try {
      await this.flush();
    } finally {
      await this.#handle.close();
    }
  }
}

function csvField(cell: Cell): string {
  if (cell === null) return '';
  const text = String(cell);
  return /[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
}
