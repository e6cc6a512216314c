/** Writes CSV as any program would: every field in quotes. */

export function stringify(table: readonly (readonly string[])[]): string {
  return table.map((cells) => cells.map((cell) => `"${cell.replaceAll('"', '""')}"`).join(',')).join('\n');
}
