import { createHash } from 'node:crypto';
import { beforeEach, describe, expect, it } from 'vitest';
import type { BidPlaced, CloseAuction } from 'gavel/schemas';
import type { LogRecord } from '../../../topology/topics.ts';
import { ITEMS_HEADER, MemoryJournal, bidLine, bidsCsv, file, itemLine, itemsCsv, rig, type Rig } from './rig.ts';

let r: Rig;
beforeEach(async () => {
  r = await rig();
});

async function logRecords(): Promise<readonly LogRecord[]> {
  return (await r.log('auction.bids')).map(({ value }) => r.topics.bids.value.deserialize(value as Buffer));
}

async function bids(): Promise<readonly BidPlaced[]> {
  return (await logRecords()).filter((record) => record.type === 'BidPlaced');
}

async function closings(): Promise<readonly CloseAuction[]> {
  return (await logRecords()).filter((record) => record.type === 'CloseAuction');
}

describe('a second run', () => {
  const items = file('i.csv', itemsCsv(3));
  const first = file('b.csv', bidsCsv([bidLine('b1', 'a1', 1), 'bad', bidLine('b2', 'a2', 2, '0')]));

  it('prints the same and sends nothing', async () => {
    const before = await r.load({ items: [items], bids: [first] });
    const sends = r.journal.saves;
    const log = JSON.stringify(
      await Promise.all(['auction.bids', 'auction.items', 'auction.bids.dlq'].map((topic) => r.log(topic))),
    );
    expect(await r.load({ items: [items], bids: [first] })).toEqual(before);
    expect(
      JSON.stringify(
        await Promise.all(['auction.bids', 'auction.items', 'auction.bids.dlq'].map((topic) => r.log(topic))),
      ),
    ).toBe(log);
    expect(r.journal.saves).toBe(sends);
  });

  it('prints the same while others send', async () => {
    const before = await r.load({ items: [items], bids: [first] });
    const foreign = bidsCsv([bidLine('c1', 'a1', 1), bidLine('c2', 'a3', 1), 'worse']);
    await r.load({ bids: [file('c.csv', foreign)] });
    expect(await r.load({ items: [items], bids: [first] })).toEqual(before);
  });

  it('sends only what is new beside a file that was loaded before', async () => {
    await r.load({ items: [items], bids: [first] }, { close: 'none' });
    const second = file('c.csv', bidsCsv([bidLine('c1', 'a1', 0), bidLine('c2', 'a2', 9)]));
    const result = await r.load({ items: [items], bids: [first, second] });
    expect(result).toMatchObject({ auctions: 3, bids: 4, accepted: 3, rejected: 1, deadLetters: 1 });
    expect((await bids()).map(({ bidId }) => bidId).sort()).toEqual(['b1', 'b2', 'c1', 'c2']);
    expect(await closings()).toHaveLength(3);
  });

  it('finds what was sent where the journal is lost', async () => {
    const before = await r.load({ items: [items], bids: [first] });
    const log = JSON.stringify(await r.log('auction.bids'));
    const journal = new MemoryJournal();
    expect(await r.load({ items: [items], bids: [first] }, { journal })).toEqual(before);
    expect(JSON.stringify(await r.log('auction.bids'))).toBe(log);
  });

  it('looks only at what came since where there is a journal', async () => {
    await r.load({ items: [items], bids: [first] });
    const noted = r.journal.entries as NonNullable<MemoryJournal['entries']>;
    const ends = Object.values(noted).flatMap((topics) => topics['auction.bids']?.to ?? []);
    expect(ends).toHaveLength(6);
    await r.load({ bids: [file('c.csv', bidsCsv([bidLine('c1', 'a1', 1)]))] });
    const hash = createHash('sha256')
      .update(bidsCsv([bidLine('c1', 'a1', 1)]))
      .digest('hex');
    expect(r.journal.entries?.[hash]?.['auction.bids']?.from).toEqual(ends.slice(0, 3));
  });

  it('says so where the verdicts are gone', async () => {
    await r.load({ items: [items], bids: [first] });
    const ends = await r.broker.listOffsets(
      [0, 1, 2].map((partition) => ({ topic: 'auction.bids.validated', partition })),
      'latest',
    );
    await r.broker.deleteRecords(ends);
    const other = file('d.csv', bidsCsv([bidLine('b1', 'a1', 1), bidLine('b7', 'a1', 1)]));
    await r.load({ bids: [other] });
    await r.broker.deleteRecords(
      await r.broker.listOffsets(
        ['validated', 'rejected'].flatMap((kind) =>
          [0, 1, 2].map((partition) => ({ topic: `auction.bids.${kind}`, partition })),
        ),
        'latest',
      ),
    );
    await expect(r.load({ bids: [other] })).rejects.toMatchObject({ code: 'OFFSET_OUT_OF_RANGE' });
  });
});

describe('closing', () => {
  const items = file(
    'i.csv',
    [
      ITEMS_HEADER,
      itemLine('old').replace('2026-01-08', '2026-01-03'),
      itemLine('young'),
      itemLine('live', 'USD', 'LIVE'),
    ].join('\n'),
  );
  const auctionIds = async (): Promise<readonly string[]> =>
    (await closings()).map(({ auctionId }) => auctionId).sort();

  it('closes every BATCH auction of the items where items and bids come together', async () => {
    await r.load({ items: [items], bids: [file('b.csv', bidsCsv([bidLine('b1', 'old', 1)]))] });
    expect(await auctionIds()).toEqual(['old', 'young']);
    expect((await closings())[0]).toMatchObject({ reason: 'ENDED', requestedBy: null });
  });

  it('closes nothing where only one kind comes, or where it is told so', async () => {
    await r.load({ items: [items] });
    await r.load({ bids: [file('b.csv', bidsCsv([bidLine('b1', 'old', 1)]))] });
    await r.load({ items: [items], bids: [file('c.csv', bidsCsv([bidLine('b2', 'old', 1)]))] }, { close: 'none' });
    expect(await auctionIds()).toEqual([]);
  });

  it('closes by time what ended by then, once', async () => {
    await r.load({ items: [items] });
    const ended = { close: Date.UTC(2026, 0, 3) } as const;
    await r.load({}, { close: Date.UTC(2026, 0, 2) });
    expect(await auctionIds()).toEqual([]);
    await r.load({}, ended);
    expect(await auctionIds()).toEqual(['old']);
    await r.load({ items: [items] }, ended);
    expect(await auctionIds()).toEqual(['old']);
    await r.load({}, { close: Date.UTC(2026, 0, 9) });
    expect(await auctionIds()).toEqual(['old', 'young']);
  });

  it('closes a listing that stands twice in its file once', async () => {
    await r.load({ items: [file('i.csv', [ITEMS_HEADER, itemLine('a'), itemLine('a')].join('\n'))] }, { close: 'all' });
    expect(await auctionIds()).toEqual(['a']);
  });

  it('gives an auction with soft close an hour more', async () => {
    const text = `${ITEMS_HEADER},soft_close\n${itemLine('soft')},true\n`;
    await r.load({ items: [file('i.csv', text)] }, { close: Date.UTC(2026, 0, 8, 0, 59) });
    expect(await auctionIds()).toEqual([]);
    await r.load({}, { close: Date.UTC(2026, 0, 8, 1) });
    expect(await auctionIds()).toEqual(['soft']);
  });
});
