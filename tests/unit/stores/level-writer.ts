/**
 * A process that writes batches to a store until it is killed or a write fails, for level-faults.test.ts.
 * It prints the number of a batch once that is written; a failed write ends it with one line of JSON.
 */
import { levelState } from '../../../stores/level.ts';
import { isGavelError } from '../../../streams/errors.ts';
import type { TaskStorage } from '../../../streams/state.ts';
import { COUNT, ROW_BYTES, ROWS, row } from './level-rows.ts';

const directory = process.argv[2];
if (directory === undefined) throw new Error('usage: level-writer.ts <directory>');
const storage = await levelState({ directory, writeBufferBytes: 2 * 1024 * 1024 }).open('judge-0');
let written = storage.get(COUNT)?.readUInt32BE() ?? 0;
process.stdout.write('open\n');
for (;;) {
  const failed = await writeBatch(storage, written + 1);
  if (failed !== undefined) {
    const next = await writeBatch(storage, written + 2);
    const visible = storage.get(COUNT)?.readUInt32BE() ?? 0;
    process.stdout.write(`${JSON.stringify({ written, visible, failed, next })}\n`);
    break;
  }
  written += 1;
  process.stdout.write(`${written}\n`);
}
await storage.close();

/** Batch n puts its rows and the count and deletes the rows of the batch before: nearly a megabyte. */
async function writeBatch(to: TaskStorage, n: number): Promise<string | undefined> {
  const batch = to.batch();
  const count = Buffer.alloc(4);
  count.writeUInt32BE(n);
  batch.put(COUNT, count);
  for (let i = 0; i < ROWS; i += 1) {
    batch.put(row(n, i), Buffer.alloc(ROW_BYTES, n));
    batch.delete(row(n - 1, i));
  }
  try {
    await batch.write();
    return undefined;
  } catch (error) {
    if (isGavelError(error)) return error.code;
    throw error;
  }
}
