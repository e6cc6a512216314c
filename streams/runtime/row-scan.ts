/** Rows in the order of their keys: those of a storage, and those of unfinished epochs over them. */

/** Entries asked of the storage at once. */
const SCAN_CHUNK = 256;

export interface StoredRow {
  readonly bytes: string;
  readonly key: Buffer;
  readonly value: Buffer;
}

export async function* storedRows(
  iterator: { next(limit: number): Promise<readonly (readonly [Buffer, Buffer])[]> },
  prefixLength: number,
): AsyncGenerator<StoredRow> {
  for (;;) {
    const entries = await iterator.next(SCAN_CHUNK);
    if (entries.length === 0) return;
    for (const [key, value] of entries) yield { bytes: key.toString('latin1', prefixLength), key, value };
  }
}

/** Both in one order; where both have a key, the unfinished row stands. */
export async function* mergeRows<U extends { readonly bytes: string }>(
  stored: AsyncGenerator<StoredRow>,
  unfinished: readonly U[],
  reverse: boolean,
): AsyncGenerator<StoredRow | U> {
  const before = reverse ? (a: string, b: string) => a > b : (a: string, b: string) => a < b;
  let at = 0;
  for await (const row of stored) {
    let next = unfinished[at];
    while (next !== undefined && before(next.bytes, row.bytes)) {
      yield next;
      next = unfinished[++at];
    }
    if (next?.bytes !== row.bytes) yield row;
  }
  for (; at < unfinished.length; at++) yield unfinished[at] as U;
}
