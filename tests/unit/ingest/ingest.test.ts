import { createHash } from 'node:crypto';
import { gzipSync } from 'node:zlib';
import { beforeEach, describe, expect, it } from 'vitest';
import type { BidPlaced, CloseAuction } from 'gavel/schemas';
import type { LogRecord } from '../../../topology/topics.ts';
import {
  BIDS_HEADER,
  bidLine,
  bidsCsv,
  file,
  headerOf,
  itemLine,
  itemsCsv,
  ITEMS_HEADER,
  rig,
  type Rig,
} from './rig.ts';

let r: Rig;
beforeEach(async () => {
  r = await rig();
});

const NOTHING = { accepted: 0, rejected: 0, duplicates: 0, reasons: {}, deadLetters: 0 };

async function logRecords(): Promise<readonly LogRecord[]> {
  return (await r.log('auction.bids')).map(({ value }) => r.topics.bids.value.deserialize(value as Buffer));
}

async function bids(): Promise<readonly BidPlaced[]> {
  return (await logRecords()).filter((record) => record.type === 'BidPlaced');
}

async function closings(): Promise<readonly CloseAuction[]> {
  return (await logRecords()).filter((record) => record.type === 'CloseAuction');
}

/** Reasons of the loader's dead letters, by line. */
async function deadLetters(topic: string): Promise<Readonly<Record<string, string>>> {
  const letters = await r.log(`${topic}.dlq`);
  return Object.fromEntries(
    letters.map((letter) => [headerOf(letter, 'gavel-line'), headerOf(letter, 'gavel-error-reason')]),
  );
}

describe('ingest', () => {
  it('sends listings and bids and tells what became of them', async () => {
    const result = await r.load({
      items: [file('items.csv', itemsCsv(2))],
      bids: [
        file(
          'bids.csv',
          bidsCsv([
            bidLine('b1', 'a1', 1),
            bidLine('b2', 'a9', 2),
            bidLine('b1', 'a1', 3),
            bidLine('b3', 'a2', 4, '-1.00'),
          ]),
        ),
      ],
    });
    expect(result).toEqual({
      auctions: 2,
      bids: 4,
      accepted: 1,
      rejected: 2,
      duplicates: 1,
      reasons: { INVALID_AMOUNT: 1, UNKNOWN_AUCTION: 1 },
      deadLetters: 0,
    });
    expect(Object.keys(result)).toEqual([
      'auctions',
      'bids',
      'accepted',
      'rejected',
      'duplicates',
      'reasons',
      'deadLetters',
    ]);
  });

  it('marks each record with the hash of its file and its line', async () => {
    const text = bidsCsv([bidLine('b1', 'a1', 2), '', bidLine('b2', 'a1', 1)]);
    await r.load({ bids: [file('bids.csv', text)] });
    const hash = createHash('sha256').update(text).digest('hex');
    const marks = (await r.log('auction.bids')).map((entry) => [
      headerOf(entry, 'gavel-file'),
      headerOf(entry, 'gavel-line'),
    ]);
    expect(marks).toEqual([
      [hash, '4'],
      [hash, '2'],
    ]);
  });

  it('sends all listings before the first bid, and closings last', async () => {
    await r.load({
      items: [file('items.csv', itemsCsv(20))],
      bids: [file('bids.csv', bidsCsv(Array.from({ length: 50 }, (_, i) => bidLine(`b${i}`, `a${(i % 20) + 1}`, i))))],
    });
    const entries = await r.log('auction.bids');
    for (const partition of [0, 1, 2]) {
      const types = entries
        .filter((entry) => entry.partition === partition)
        .map(({ value }) => r.topics.bids.value.deserialize(value as Buffer).type);
      const expected = ['Listing', 'BidPlaced', 'CloseAuction'].flatMap((type) => types.filter((t) => t === type));
      expect(types).toEqual(expected);
    }
  });

  it('sorts bids by time over all files; equal times keep files and lines in order', async () => {
    const first = bidsCsv([bidLine('x1', 'a1', 5), bidLine('x2', 'a1', 3), bidLine('x3', 'a1', 5)]);
    const second = bidsCsv([bidLine('y1', 'a1', 5), bidLine('y2', 'a1', 3), bidLine('y3', 'a1', 4)]);
    await r.load({ bids: [file('first.csv', first), file('second.csv', second)] });
    expect((await bids()).map(({ bidId }) => bidId)).toEqual(['x2', 'y2', 'y3', 'x1', 'x3', 'y1']);
  });

  it('reads amounts in the minor units of the currency of the bid, the listing or the log', async () => {
    await r.load({
      items: [file('i.csv', [ITEMS_HEADER, itemLine('yen', 'JPY'), itemLine('dinar', 'KWD'), ''].join('\n'))],
    });
    await publishPrice('lira', 'TND');
    const header = `${BIDS_HEADER},currency`;
    await r.load({
      items: [file('more.csv', [ITEMS_HEADER, itemLine('dollar', 'USD'), ''].join('\n'))],
      bids: [
        file(
          'b.csv',
          [
            header,
            `${bidLine('b1', 'dollar', 1, '12.5')},`,
            `${bidLine('b2', 'dollar', 2, '12.345')},BHD`,
            `${bidLine('b3', 'lira', 3, '1.234')},`,
            `${bidLine('b4', 'unheard', 4, '1.2')},`,
            '',
          ].join('\n'),
        ),
      ],
    });
    const amounts = new Map((await bids()).map(({ bidId, amount, currency }) => [bidId, [amount, currency]]));
    expect(Object.fromEntries(amounts)).toEqual({
      b1: [1250, null],
      b2: [12345, 'BHD'],
      b3: [1234, null],
      b4: [120, null],
    });
  });

  async function publishPrice(auctionId: string, currency: string): Promise<void> {
    const value = {
      type: 'CurrentPrice',
      auctionId,
      currency,
      price: 1,
      leader: null,
      bids: 0,
      nextMinimum: 1,
      endsAt: 0,
      status: 'OPEN',
      reserveMet: true,
      updatedAt: 0,
    } as const;
    await r.sender.send(r.topics.prices, [{ key: auctionId, value, timestamp: 0, headers: [] }]);
  }

  it('loads users and point-of-sale events', async () => {
    const users =
      'user_id,username,email,rating,is_verified,location,registered_at\nu1,Ann,,4.5,TRUE,Oslo,2020-01-01T00:00:00+01:00\n';
    const pos =
      'sale_id,auction_id,amount,currency,method,paid_at,shipped_at\ns1,a1,5.00,EUR,card,2026-01-01T00:00:00Z,\n';
    const result = await r.load({ users: [file('u.csv', users)], pos: [file('p.csv', pos)] });
    expect(result).toEqual({ auctions: 0, bids: 0, ...NOTHING });
    const [user] = await r.log('auction.users');
    expect({ ...r.topics.users.value.deserialize(user?.value as Buffer) }).toEqual({
      userId: 'u1',
      username: 'Ann',
      email: null,
      rating: 4.5,
      isVerified: true,
      location: 'Oslo',
      registeredAt: Date.UTC(2019, 11, 31, 23),
    });
    expect(user?.key?.toString()).toBe('u1');
    const [sale] = await r.log('auction.pos');
    expect({ ...r.topics.pos.value.deserialize(sale?.value as Buffer) }).toMatchObject({
      amount: 500,
      shippedAt: null,
    });
    expect(sale?.key?.toString()).toBe('a1');
  });

  it('reads gzip, JSON Lines, CRLF and a byte order mark', async () => {
    const csv = `\uFEFF${bidsCsv([bidLine('b1', 'a1', 1)]).replaceAll('\n', '\r\n')}`;
    const json =
      '{"bid_id":"b2","auction_id":"a1","bidder_id":"x","amount":20.5,"bid_type":"PROXY","placed_at":"2026-01-02T00:00:02Z"}\n';
    await r.load({ bids: [file('b.csv.gz', gzipSync(csv), 7), file('b.jsonl', json, 11)] });
    expect((await bids()).map(({ bidId, amount }) => [bidId, amount])).toEqual([
      ['b1', 2000],
      ['b2', 2050],
    ]);
  });

  it('dead-letters what is no record, with file, line and the bytes, and goes on', async () => {
    const bad = {
      3: 'b2,a1,bidder',
      4: bidLine('b3', 'a1', 3, '12.345'),
      5: bidLine('b4', 'a1', 4, 'a lot'),
      6: bidLine('b5', 'a1', 5).replace('MANUAL', 'SHOUTED'),
      7: bidLine('b6', 'a1', 6).replace('2026-01-02T', '2026-02-30T'),
      8: bidLine('b7', 'a1', 7).replace('Z', ''),
      9: bidLine('', 'a1', 8),
      10: bidLine('b9', 'a1', 9).replace('bidder', '"bid"der'),
      11: bidLine('b10', 'a1', 10).replace('bidder', 'bid"der'),
      13: bidLine('b12', 'a1', 12).replace('bidder', '"bidder'),
    };
    const lines = [bidLine('b1', 'a1', 1), ...Object.values(bad).slice(0, 9), bidLine('b11', 'a1', 11), bad[13]];
    lines.push(bidLine('b13', 'a1', 13));
    const result = await r.load({ bids: [file('daily/bids.csv', bidsCsv(lines))] });
    expect(result).toMatchObject({ bids: 3, deadLetters: 10 });
    expect(await deadLetters('auction.bids')).toEqual({
      3: 'MALFORMED_LINE',
      4: 'BAD_AMOUNT',
      5: 'BAD_AMOUNT',
      6: 'UNKNOWN_VALUE',
      7: 'BAD_TIME',
      8: 'BAD_TIME',
      9: 'MISSING_FIELD',
      10: 'MALFORMED_LINE',
      11: 'MALFORMED_LINE',
      13: 'MALFORMED_LINE',
    });
    const letters = await r.log('auction.bids.dlq');
    for (const letter of letters) {
      const line = Number(headerOf(letter, 'gavel-line')) as keyof typeof bad;
      expect(letter.value?.toString()).toBe(bad[line]);
      expect(letter.key).toBeNull();
      expect(headerOf(letter, 'gavel-file')).toMatch(/^[0-9a-f]{64}$/);
      expect(headerOf(letter, 'gavel-file-name')).toBe('daily/bids.csv');
      expect(headerOf(letter, 'gavel-error-stage')).toBe('ingest');
      expect(headerOf(letter, 'gavel-error-topic')).toBe('auction.bids');
      expect(headerOf(letter, 'gavel-error-message')).not.toBe('');
    }
  });

  it('dead-letters bad JSON lines', async () => {
    const good = {
      bid_id: 'b1',
      auction_id: 'a1',
      bidder_id: 'x',
      amount: '5.00',
      bid_type: 'MANUAL',
      placed_at: '2026-01-02T00:00:00Z',
    };
    const lines = [
      JSON.stringify(good),
      JSON.stringify(good).slice(0, 40),
      '[]',
      JSON.stringify({ ...good, amount: true }),
      JSON.stringify({ ...good, amount: { value: 5 } }),
      JSON.stringify({ ...good, bid_id: 17 }),
      JSON.stringify({ ...good, amount: null }),
      JSON.stringify({ ...good, placed_at: 1_767_312_000_000 }),
      `${JSON.stringify(good).slice(0, -1)},"amount":1234567890123456.25}`,
      JSON.stringify({ ...good, bid_id: 'b2' }),
    ];
    const result = await r.load({ bids: [file('b.jsonl', lines.join('\n'))] });
    expect(result).toMatchObject({ bids: 2, deadLetters: 8 });
    expect(await deadLetters('auction.bids')).toEqual({
      2: 'MALFORMED_LINE',
      3: 'MALFORMED_LINE',
      4: 'WRONG_TYPE',
      5: 'WRONG_TYPE',
      6: 'WRONG_TYPE',
      7: 'MISSING_FIELD',
      8: 'WRONG_TYPE',
      9: 'WRONG_TYPE',
    });
  });

  it('dead-letters listings that no auction can be made of', async () => {
    const lines = [
      itemLine('a1'),
      itemLine('a2').replace('2026-01-08', '2025-01-08'),
      itemLine('a3', 'XXX'),
      itemLine('a4').replace('10.00', '-10.00'),
      itemLine('a5', 'USD', 'MARTIAN'),
    ];
    const result = await r.load({ items: [file('i.csv', [ITEMS_HEADER, ...lines].join('\n'))] }, { close: 'all' });
    expect(result).toMatchObject({ auctions: 1, deadLetters: 4 });
    expect(await deadLetters('auction.items')).toEqual({
      3: 'LISTING_REFUSED',
      4: 'UNKNOWN_VALUE',
      5: 'LISTING_REFUSED',
      6: 'UNKNOWN_VALUE',
    });
    expect((await closings()).map(({ auctionId }) => auctionId)).toEqual(['a1']);
  });

  it('lets pass what the rules must refuse: negative, zero, huge and foreign amounts', async () => {
    const lines = [
      `${bidLine('b1', 'a1', 1, '-5.00')},`,
      `${bidLine('b2', 'a1', 2, '0')},`,
      `${bidLine('b3', 'a1', 3, '90000000000000000.00')},`,
      `${bidLine('b4', 'a1', 4, '5.00')},EUR`,
    ];
    const text = [`${BIDS_HEADER},currency`, ...lines].join('\n');
    const result = await r.load({ items: [file('i.csv', itemsCsv(1))], bids: [file('b.csv', text)] });
    expect(result).toMatchObject({ bids: 4, deadLetters: 0 });
    expect((await bids()).map(({ amount, currency }) => [amount, currency])).toEqual([
      [-500, null],
      [0, null],
      [9_000_000_000_000_000_000n, null],
      [500, 'EUR'],
    ]);
  });

  it('warns of unknown columns and ignores them', async () => {
    const warnings: string[] = [];
    const onWarning = (message: string): void => void warnings.push(message);
    const csv = bidsCsv([bidLine('b1', 'a1', 1)])
      .replace('placed_at', 'placed_at,mood')
      .replace('Z\n', 'Z,good\n');
    const line = { bid_id: 'b2', auction_id: 'a1', bidder_id: 'x', amount: '5', bid_type: 'MANUAL', mood: 1 };
    const json = [{}, {}].map(() => JSON.stringify({ ...line, placed_at: '2026-01-02T00:00:00Z' })).join('\n');
    await r.load({ bids: [file('b.csv', csv), file('b.jsonl', json)] }, { onWarning });
    expect(warnings).toEqual([
      'b.csv: the column mood is unknown and ignored',
      'b.jsonl: the field mood is unknown and ignored',
    ]);
    expect(await bids()).toHaveLength(3);
  });

  it.each([
    ['a column is missing', 'bid_id,auction_id\nb1,a1\n', 'bidder_id'],
    ['a column is there twice', `${BIDS_HEADER},amount\n`, 'twice'],
  ])('refuses a file where %s, before anything is sent', async (_, text, message) => {
    const loading = r.load({ items: [file('i.csv', itemsCsv(1))], bids: [file('bids.csv', text)] });
    await expect(loading).rejects.toMatchObject({ code: 'INPUT_INVALID', message: expect.stringContaining(message) });
    expect(await r.log('auction.items')).toEqual([]);
  });

  it('refuses a damaged gzip file, a missing one, and one that is given twice', async () => {
    const packed = gzipSync(bidsCsv([bidLine('b1', 'a1', 1)]));
    await expect(r.load({ bids: [file('b.gz', packed.subarray(0, -4))] })).rejects.toMatchObject({
      code: 'INPUT_INVALID',
    });
    const twice = file('b.csv', bidsCsv([bidLine('b1', 'a1', 1)]));
    await expect(r.load({ bids: [twice, twice] })).rejects.toMatchObject({ code: 'INPUT_INVALID' });
    expect(await r.log('auction.bids')).toEqual([]);
  });

  it('takes empty files and files without rows', async () => {
    const result = await r.load({ items: [file('i.csv', '')], bids: [file('b.csv', `${BIDS_HEADER}\n`)] });
    expect(result).toEqual({ auctions: 0, bids: 0, ...NOTHING });
  });

  it('gives up where the group does not move, naming the partition', async () => {
    r.engine.running = false;
    const loading = r.load({ items: [file('i.csv', itemsCsv(1))], bids: [file('b.csv', bidsCsv([]))] });
    await expect(loading).rejects.toMatchObject({
      code: 'NO_PROGRESS',
      message: expect.stringMatching(/partition \d of auction\.items/),
    });
    expect(r.clock.now() - Date.UTC(2026, 0, 1)).toBeGreaterThanOrEqual(30_000);
    expect(r.clock.now() - Date.UTC(2026, 0, 1)).toBeLessThan(31_000);
  });

  it('stops between two sends when it is told to', async () => {
    const stop = new AbortController();
    const onProgress = ({ phase }: { readonly phase: string }): void => {
      if (phase === 'sending') stop.abort(new Error('stopped'));
    };
    const loading = r.load({ items: [file('i.csv', itemsCsv(1))] }, { signal: stop.signal, onProgress });
    await expect(loading).rejects.toThrow('stopped');
    expect(await r.log('auction.items')).toHaveLength(1);
    expect(await r.load({ items: [file('i.csv', itemsCsv(1))] })).toMatchObject({ auctions: 1 });
    expect(await r.log('auction.items')).toHaveLength(1);
  });
});
