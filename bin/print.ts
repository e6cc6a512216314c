/** Results on stdout: JSON lines, aligned tables, and colours where they are wanted. */

import type { World } from './world.ts';

/** One JSON value on a line of its own. A bigint is written as a string: it lies beyond 2^53. */
export function printJson(world: World, value: unknown): void {
  world.stdout.write(`${toJson(value)}\n`);
}

export function toJson(value: unknown): string {
  return JSON.stringify(value, (_key, field: unknown) => (typeof field === 'bigint' ? field.toString() : field));
}

/** Columns as wide as their widest cell; a column of numbers only stands to the right. */
export function printTable(world: World, head: readonly string[], rows: readonly (readonly string[])[]): void {
  world.stdout.write(formatTable(head, rows));
}

export function formatTable(head: readonly string[], rows: readonly (readonly string[])[]): string {
  const numeric = head.map((_, i) => rows.length > 0 && rows.every((row) => /^-?[\d,.]*$/.test(row[i] ?? '')));
  const widths = head.map((name, i) => Math.max(name.length, ...rows.map((row) => (row[i] ?? '').length)));
  const line = (cells: readonly string[]): string =>
    cells
      .map((cell, i) => (numeric[i] ? cell.padStart(widths[i] ?? 0) : cell.padEnd(widths[i] ?? 0)))
      .join('  ')
      .trimEnd();
  return [head, ...rows].map((row) => `${line(row)}\n`).join('');
}

export type Paint = (text: string) => string;

export interface Colors {
  readonly bold: Paint;
  readonly dim: Paint;
  readonly green: Paint;
  readonly red: Paint;
  readonly yellow: Paint;
}

/** Colours for a terminal that did not ask for none (NO_COLOR); else the text as it is. */
export function colorsOf(world: World): Colors {
  const wanted = world.stdout.isTTY === true && (world.env['NO_COLOR'] ?? '') === '';
  const paint = (open: number, close: number): Paint =>
    wanted ? (text) => `\u001B[${open}m${text}\u001B[${close}m` : (text) => text;
  return { bold: paint(1, 22), dim: paint(2, 22), green: paint(32, 39), red: paint(31, 39), yellow: paint(33, 39) };
}

/** 12345678 as `11.8 MiB`. */
export function formatBytes(bytes: number): string {
  const units = ['B', 'KiB', 'MiB', 'GiB', 'TiB'];
  let value = bytes;
  let unit = 0;
  while (value >= 1024 && unit < units.length - 1) {
    value /= 1024;
    unit += 1;
  }
  return `${unit === 0 ? value : value.toFixed(1)} ${units[unit]}`;
}
