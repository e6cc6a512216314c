/** The keys of a task's storage; see docs/formats.md. */

const META = 0;
const ROW = 1;
const INDEX = 2;

/** The one row that says how far the task's state has come. */
export const META_KEY = Buffer.from([META]);

/** Store id of the engine's own rows (times and schedules), which are logged like those of any store. */
export const ENGINE_STORE = '';

/** Begins the keys of a store's rows; without its first byte it begins their keys in the changelog. */
export function rowPrefix(store: string): Buffer {
  return Buffer.concat([Buffer.from([ROW]), named(store)]);
}

/** Begins the keys of an index: then 8 bytes of order, then the key of the row. */
export function indexPrefix(store: string, index: string): Buffer {
  return Buffer.concat([Buffer.from([INDEX]), named(store), named(index)]);
}

/** The first key behind all those that begin with the prefix. */
export function prefixEnd(prefix: Buffer): Buffer {
  const end = Buffer.from(prefix);
  for (let i = end.length - 1; i >= 0; i--) {
    if (end[i] === 0xff) continue;
    end[i] = (end[i] as number) + 1;
    return end.subarray(0, i + 1);
  }
  throw new RangeError('no key is behind a prefix of 0xff');
}

/** Key of a row in storage from its key in the changelog. */
export function rowKeyOfChangelogKey(changelogKey: Buffer): Buffer {
  const key = Buffer.allocUnsafe(changelogKey.length + 1);
  key[0] = ROW;
  changelogKey.copy(key, 1);
  return key;
}

/** Store id at the start of a changelog key. */
export function storeOfChangelogKey(changelogKey: Buffer): string {
  return changelogKey.toString('utf8', 1, 1 + (changelogKey[0] ?? 0));
}

function named(name: string): Buffer {
  const bytes = Buffer.from(name);
  return Buffer.concat([Buffer.from([bytes.length]), bytes]);
}
