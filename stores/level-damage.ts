/**
 * Damage which LevelDB passes over in silence when it opens a store: a missing table of contents, which it takes for
 * a new store, and batches lost from the middle of its write-ahead log, after which it goes on with the later ones.
 */
import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { crc32c } from '@node-rs/crc32';
import { isMissing } from './level-errors.ts';

// LevelDB's log format, doc/log_format.md of its sources. A log is a row of 32 KiB blocks. A block holds fragments:
// checksum u32 (CRC-32C of type and data, masked), length u16, type u8, data; all numbers little-endian; a rest of
// less than 7 bytes is zeros. A record is one FULL fragment or FIRST, MIDDLE*, LAST, and is a write batch:
// sequence number u64, count of operations u32, operations. The next batch has the sequence number `sequence + count`.
const BLOCK_BYTES = 32 * 1024;
const HEADER_BYTES = 7;
const BATCH_HEADER_BYTES = 12;
const FULL = 1;
const FIRST = 2;
const LAST = 4;

/**
 * What is wrong with the store in `directory`, or undefined. Reads only, so it may look at a store that is in use.
 * A log that merely ends early is sound: what a crash cut off are the newest batches, and the changelog has them.
 * A hole further in comes from a power cut (pages of an unsynced file reach the disk in any order) and would leave
 * a state which no sequence of batches has led to.
 */
export async function findDamage(directory: string): Promise<string | undefined> {
  const names = await namesIn(directory);
  if (!names.includes('CURRENT')) {
    const rest = names.find((name) => /^MANIFEST-|\.(?:log|ldb|sst)$/.test(name));
    return rest === undefined ? undefined : `CURRENT is missing beside ${rest}`;
  }
  const logs = names.filter((name) => /^\d+\.log$/.test(name)).sort((a, b) => Number.parseInt(a) - Number.parseInt(b));
  let expected: bigint | undefined;
  let lost = false;
  for (const name of logs) {
    const before = expected;
    for (const header of batchHeaders(await readFile(join(directory, name)))) {
      if (header === undefined) {
        lost = true;
        continue;
      }
      const sequence = header.readBigUInt64LE(0);
      if (lost || (expected !== undefined && sequence > expected)) return `${name} lacks batches before ${sequence}`;
      expected = sequence + BigInt(header.readUInt32LE(8));
    }
    // LevelDB begins a new log only when the one before has filled a write buffer.
    if (expected === before) lost = true;
  }
  return undefined;
}

/** The headers of the batches in a log, in order; undefined wherever LevelDB would drop bytes. */
function* batchHeaders(log: Buffer): Generator<Buffer | undefined> {
  let partial: Buffer | undefined;
  for (const fragment of fragments(log)) {
    if (fragment === undefined) {
      partial = undefined;
      yield undefined;
      continue;
    }
    if (fragment.type === FULL || fragment.type === FIRST) partial = Buffer.alloc(0);
    if (partial === undefined) continue;
    partial = Buffer.concat([partial, fragment.data.subarray(0, BATCH_HEADER_BYTES - partial.length)]);
    if (fragment.type === FULL || fragment.type === LAST) {
      yield partial.length === BATCH_HEADER_BYTES ? partial : undefined;
      partial = undefined;
    }
  }
}

interface Fragment {
  readonly type: number;
  readonly data: Buffer;
}

/** The fragments of a log; undefined once for each unreadable one, after which the rest of its block is skipped. */
function* fragments(log: Buffer): Generator<Fragment | undefined> {
  for (let block = 0; block < log.length; block += BLOCK_BYTES) {
    const end = Math.min(block + BLOCK_BYTES, log.length);
    let at = block;
    while (at + HEADER_BYTES <= end) {
      const type = log.readUInt8(at + 6);
      const next = at + HEADER_BYTES + log.readUInt16LE(at + 4);
      const sound =
        type >= FULL &&
        type <= LAST &&
        next <= end &&
        unmask(log.readUInt32LE(at)) === crc32c(log.subarray(at + 6, next));
      if (!sound) break;
      yield { type, data: log.subarray(at + HEADER_BYTES, next) };
      at = next;
    }
    if (at + HEADER_BYTES <= end) yield undefined;
  }
}

function unmask(masked: number): number {
  const rotated = (masked - 0xa282ead8) >>> 0;
  return ((rotated >>> 17) | (rotated << 15)) >>> 0;
}

async function namesIn(directory: string): Promise<string[]> {
  try {
    return await readdir(directory);
  } catch (error) {
    if (isMissing(error)) return [];
    throw error;
  }
}
