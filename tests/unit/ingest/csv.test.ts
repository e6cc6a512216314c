import { stringify } from './csv-text.ts';
import fc from 'fast-check';
import { beforeEach, describe, expect, it } from 'vitest';
import type { Column, LineSink } from '../../../ingest/columns.ts';
import { CsvReader } from '../../../ingest/csv.ts';
import { FileLines, LINE_BYTES_MAX } from '../../../ingest/lines.ts';
import { file } from './rig.ts';

const COLUMNS: readonly Column[] = [
  { name: 'id', type: 'text', required: true },
  { name: 'title', type: 'text', required: false },
];

let rows: unknown[];
let faults: unknown[];
let warnings: string[];
let sink: LineSink;
beforeEach(() => {
  rows = [];
  faults = [];
  warnings = [];
  sink = {
    row: (line, cells) => rows.push([line, ...cells]),
    fault: (line, { reason }, bytes) => faults.push([line, reason, bytes.toString()]),
    warn: (message) => warnings.push(message),
  };
});

async function read(text: string | Buffer): Promise<void> {
  const reader = new CsvReader(COLUMNS, sink, 'test.csv');
  for await (const lines of new FileLines(file('test.csv', text)).read()) for (const line of lines) reader.line(line);
  reader.end();
}

describe('CsvReader', () => {
  it('takes columns in any order, and those that are missing or empty as none', async () => {
    await read('title,id\nClock,1\n,2\n');
    await read('id\n3\n');
    expect(rows).toEqual([
      [2, '1', 'Clock'],
      [3, '2', null],
      [2, '3', null],
    ]);
  });

  it('takes quoted fields with commas, quotes and line ends', async () => {
    await read('id,title\n1,"a, ""b"""\n2,"two\nlines"\n3,"four\n\n,""\nlines"\n4,x\n');
    expect(rows).toEqual([
      [2, '1', 'a, "b"'],
      [3, '2', 'two\nlines'],
      [5, '3', 'four\n,"\nlines'],
      [9, '4', 'x'],
    ]);
    expect(faults).toEqual([]);
  });

  it('loses one line to a quote that is never closed', async () => {
    const lines = Array.from({ length: 50 }, (_, i) => `${i},x`);
    lines[10] = '10,"x';
    await read(['id,title', ...lines].join('\n'));
    expect(faults).toEqual([[12, 'MALFORMED_LINE', '10,"x']]);
    expect(rows).toHaveLength(49);
  });

  it('loses one line each to quotes that would close each other', async () => {
    await read('id,title\n1,"x\n2,x\n3,y"z\n4,x\n5,"x\n');
    expect(faults).toEqual([
      [2, 'MALFORMED_LINE', '1,"x'],
      [4, 'MALFORMED_LINE', '3,y"z'],
      [6, 'MALFORMED_LINE', '5,"x'],
    ]);
    expect(rows).toEqual([
      [3, '2', 'x'],
      [5, '4', 'x'],
    ]);
  });

  it('reports lines with too few or too many fields, wrong quotes, other encodings, and too long ones', async () => {
    const long = `5,${'x'.repeat(LINE_BYTES_MAX)}`;
    await read(
      Buffer.concat([
        Buffer.from(`id,title\n1\n2,x,y\n3,"x"y\n4,`),
        Buffer.from([0xff]),
        Buffer.from(`\n${long}\n6,x\n`),
      ]),
    );
    expect(faults.map((fault) => (fault as unknown[]).slice(0, 2))).toEqual([
      [2, 'MALFORMED_LINE'],
      [3, 'MALFORMED_LINE'],
      [4, 'MALFORMED_LINE'],
      [5, 'MALFORMED_LINE'],
      [6, 'LINE_TOO_LONG'],
    ]);
    expect((faults[4] as [number, string, string])[2]).toBe(long.slice(0, LINE_BYTES_MAX));
    expect(rows).toEqual([[7, '6', 'x']]);
  });

  it('reads whatever a writer of CSV has written', async () => {
    const cell = fc.string({ unit: fc.constantFrom('a', 'ü', ',', '"', '\n', ' ', '😀'), maxLength: 8 });
    await fc.assert(
      fc.asyncProperty(fc.array(fc.tuple(cell, cell), { minLength: 1, maxLength: 8 }), async (table) => {
        rows = [];
        await read(stringify([['id', 'title'], ...table]));
        // empty lines inside of a field are not kept
        const normal = (text: string): string | null => text.replaceAll(/\n+/g, '\n') || null;
        const expected = table.map((cells) => cells.map((text) => normal(text)));
        expect(
          rows.map((row) => (row as unknown[]).slice(1).map((text) => (text === null ? null : normal(text as string)))),
        ).toEqual(expected);
        expect(faults).toEqual([]);
      }),
    );
  });
});
