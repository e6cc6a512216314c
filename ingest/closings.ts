/** Closings that follow from a time: of every BATCH auction in the log that ended by then and is still open. */

import type { CloseAuction, Listing } from 'gavel/schemas';
import { GavelError, type Serde } from 'gavel/streams';
import type { LogRecord } from '../topology/topics.ts';
import { decode } from './decode.ts';
import type { LogRange, ReadLog } from './ports.ts';

/** A soft close moves an end by at most this. */
const SOFT_CLOSE_MS = 3_600_000;

export interface DueClosings {
  readonly read: ReadLog;
  /** The whole log that decides. */
  readonly ranges: readonly LogRange[];
  readonly serde: Serde<LogRecord>;
  /** Milliseconds since the epoch; an auction with soft close counts as ended an hour after its listed end. */
  readonly endedBy: number;
}

/**
 * The closings that are missing, in order of the auctionIds. BATCH auctions close by nothing else, so what is asked for in the
 * log already is not asked for again, whether it was done or not.
 */
export async function dueClosings({ read, ranges, serde, endedBy }: DueClosings): Promise<readonly CloseAuction[]> {
  const due = new Set<string>();
  const asked = new Set<string>();
  for await (const { value } of read(ranges)) {
    if (value === null) continue;
    const record = await readable(serde, value);
    if (record?.type === 'CloseAuction') asked.add(record.auctionId);
    if (record?.type !== 'Listing') continue;
    if (isDue(record, endedBy)) due.add(record.auctionId);
    else due.delete(record.auctionId);
  }
  const missing = [...due].filter((auctionId) => !asked.has(auctionId));
  return missing.sort(byBytes).map(closingOf);
}

export function closingOf(auctionId: string): CloseAuction {
  return { type: 'CloseAuction', auctionId, reason: 'ENDED', requestedBy: null };
}

function isDue({ channel, endsAt, softClose }: Listing, endedBy: number): boolean {
  return channel === 'BATCH' && endsAt + (softClose ? SOFT_CLOSE_MS : 0) <= endedBy;
}

/** Undefined for bytes that are no record: the judge has put them to its dead letters. */
async function readable(serde: Serde<LogRecord>, value: Buffer): Promise<LogRecord | undefined> {
  try {
    return await decode(serde, value);
  } catch (error) {
    if (error instanceof GavelError && error.retry === 'never') return undefined;
    throw error;
  }
}

function byBytes(a: string, b: string): number {
  return Buffer.compare(Buffer.from(a), Buffer.from(b));
}
