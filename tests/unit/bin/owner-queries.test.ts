import type { AuctionRow } from '../../../bin/auction-rows.ts';
import type { OwnerQueries } from '../../../bin/owner-queries.ts';
import { PAGE_ROWS, allAuctions, answerCall, remoteQueries } from '../../../bin/owner-queries.ts';
import { expect, test } from 'vitest';

const ids = Array.from({ length: 2 * PAGE_ROWS + 7 }, (_, i) => `a${String(i).padStart(5, '0')}`);

/** Answers from a sorted list of ids. */
const queries: OwnerQueries = {
  status: async () => {
    throw new Error('not asked');
  },
  async auctions(after) {
    const rest = ids.filter((id) => after === null || id > after);
    return rest.slice(0, PAGE_ROWS).map((auctionId) => ({ auctionId }) as AuctionRow);
  },
  auction: async (auctionId) => (auctionId === 'a00001' ? ({ auctionId } as never) : null),
};

async function idsOf(asked: OwnerQueries): Promise<string[]> {
  const found: string[] = [];
  for await (const { auctionId } of allAuctions(asked)) found.push(auctionId);
  return found;
}

test('all rows come page by page, each once', async () => {
  expect(await idsOf(queries)).toEqual(ids);
});

test('the same over a connection, where everything becomes JSON', async () => {
  const remote = remoteQueries(async (method, args) => {
    const answer = await answerCall(queries, method, JSON.parse(JSON.stringify(args)) as unknown);
    return JSON.parse(JSON.stringify(answer)) as unknown;
  });
  expect(await idsOf(remote)).toEqual(ids);
  expect(await remote.auction('a00001')).toEqual({ auctionId: 'a00001' });
  expect(await remote.auction('b')).toBeNull();
});

test('a question of another version is refused', async () => {
  await expect(answerCall(queries, 'forget', null)).rejects.toMatchObject({ code: 'USAGE' });
});
