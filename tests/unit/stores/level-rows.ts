/** What level-writer.ts writes and level-faults.test.ts expects to find. */

export const COUNT = Buffer.from('count');
export const ROWS = 200;
export const ROW_BYTES = 4_000;

/** The key of row i of batch n. */
export function row(n: number, i: number): Buffer {
  const key = Buffer.alloc(12, 'row ');
  key.writeUInt32BE(n, 4);
  key.writeUInt32BE(i, 8);
  return key;
}
