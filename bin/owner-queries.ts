/** What the process that holds a data directory answers to others: the same questions, asked there or over its socket. */

import type { AuctionBid, AuctionState } from 'gavel/schemas';
import type { AppStatus, StreamsApp } from 'gavel/streams';
import { GavelError } from 'gavel/streams';

import type { AuctionDetail, AuctionRow } from './auction-rows.ts';
import { auctionDetail, auctionRow } from './auction-rows.ts';

/** Rows of one answer. */
export const PAGE_ROWS = 1_000;

export interface OwnerQueries {
  status(): Promise<AppStatus>;
  /** Rows behind `after` in the order of the auctionIds' bytes; fewer than `PAGE_ROWS` are the last. */
  auctions(after: string | null): Promise<readonly AuctionRow[]>;
  auction(auctionId: string): Promise<AuctionDetail | null>;
}

/** Answers from the stores of an application that runs here. */
export function localQueries(app: StreamsApp): OwnerQueries {
  const auctions = app.store<string, AuctionState>('auctions');
  const bids = app.store<string, AuctionBid>('auction-bids');
  return {
    status: async () => app.status(),
    async auctions(after) {
      const rows: AuctionRow[] = [];
      const options = { limit: PAGE_ROWS, ...(after !== null && { gte: `${after}\0` }) };
      for await (const { value } of auctions.scan(options)) rows.push(auctionRow(value));
      return rows;
    },
    async auction(auctionId) {
      const { value } = await auctions.get(auctionId);
      if (value === undefined) return null;
      const last: AuctionBid[] = [];
      for await (const entry of bids.scan({ prefix: Buffer.from(`${auctionId}\0`) })) last.push(entry.value);
      return auctionDetail(value, last);
    },
  };
}

/** A question by name, with an auctionId where it needs one, and a JSON answer. */
export type Ask = (method: string, args: string | null) => Promise<unknown>;

/** Puts the questions through `ask`. */
export function remoteQueries(ask: Ask): OwnerQueries {
  return {
    status: async () => (await ask('status', null)) as AppStatus,
    auctions: async (after) => (await ask('auctions', after)) as readonly AuctionRow[],
    auction: async (auctionId) => (await ask('auction', auctionId)) as AuctionDetail | null,
  };
}

/** The other end of `remoteQueries`. @throws GavelError `USAGE` where the caller is of another version */
export async function answerCall(queries: OwnerQueries, method: string, args: unknown): Promise<unknown> {
  const auctionId = typeof args === 'string' ? args : null;
  switch (method) {
    case 'status':
      return queries.status();
    case 'auctions':
      return queries.auctions(auctionId);
    case 'auction':
      return queries.auction(auctionId ?? '');
    default:
      throw new GavelError('USAGE', `the owner of the directory knows no question "${method}"`, {
        hint: 'use the same version of gavel for both',
      });
  }
}

/** All rows, page by page. */
export async function* allAuctions(queries: OwnerQueries): AsyncGenerator<AuctionRow> {
  for (let after: string | null = null; ;) {
    const rows: readonly AuctionRow[] = await queries.auctions(after);
    yield* rows;
    if (rows.length < PAGE_ROWS) return;
    after = rows.at(-1)?.auctionId ?? null;
  }
}
