/** What the killed writer writes, so that the test can tell what must be there. */

import { topic } from '../contract/broker-support.ts';

export const GROUP = 'g';
export const INPUT = { topic: 'in', partition: 0 };
export const KEYS = 20;

/** Everything that is put off is done often. */
export const OPTIONS = { indexFlushBytes: 20_000, compactAfterBytes: 10_000, tailCacheBytes: 30_000 };

/** Its records are of 1970: retention must leave them. */
const forEver = { retentionMs: -1 };

export const TOPICS = [
  topic('out', 3, forEver),
  topic('changes', 1, { cleanup: 'compact' }),
  topic('purged', 1, forEver),
  topic('in', 1, forEver),
];

/** Transaction n writes this key of `changes`, and that of n + KEYS / 2. */
export function keyOf(n: number): string {
  return `key${n % KEYS}`;
}

export function filler(n: number): string {
  return 'f'.repeat((n * 37) % 500);
}
