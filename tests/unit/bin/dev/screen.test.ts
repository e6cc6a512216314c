import type { BidVerdict, CurrentPrice } from 'gavel/schemas';
import { expect, test } from 'vitest';

import { colorsOf } from '../../../../bin/print.ts';
import { MarketView } from '../../../../bin/dev/market-view.ts';
import { figuresOf, formatSpan, plainLine, screenLines } from '../../../../bin/dev/screen.ts';
import { clip, paintScreen } from '../../../../bin/dev/terminal.ts';
import { fakeWorld } from '../../../support/fake-world.ts';

const T0 = 1_700_000_000_000;
const around = {
  now: T0,
  startedAt: T0 - 75_000,
  dataDir: '/data',
  dataBytes: 2048,
  address: 'http://127.0.0.1:8080',
  lag: 3,
  warning: undefined,
};

function busyView(): MarketView {
  const view = new MarketView();
  const bid = {
    bidId: 'b',
    auctionId: 'a1',
    bidderId: 'u1',
    outcome: 'ACCEPTED',
    reason: null,
    newPrice: 2050,
    currency: 'USD',
  };
  for (let i = 0; i < 5; i++) view.verdict(bid as BidVerdict, T0 - 1_000, 12);
  view.price(
    {
      auctionId: 'a1',
      price: 2050,
      currency: 'USD',
      leader: 'u1',
      bids: 5,
      endsAt: T0 + 65_000,
      status: 'OPEN',
    } as CurrentPrice,
    true,
  );
  return view;
}

test('the screen shows where it serves and keeps data, figures, the next closing and the last verdict', () => {
  const text = screenLines(busyView(), around, colorsOf(fakeWorld())).join('\n');
  expect(text).toContain('http://127.0.0.1:8080/metrics   data /data (2.0 KiB)   up 1m15s');
  expect(text).toMatch(/bids\/s {5}5\.0 .*p50 12\.0 ms {2}p95 12\.0 ms {2}p99 12\.0 ms {3}lag 3/);
  expect(text).toMatch(/1m05s {2}a1 .*20\.50 USD {6}5 bids {2}u1/);
  expect(text).toMatch(/a1 .* u1 .* 20\.50 USD {2}ACCEPTED/);
});

test('an empty market says so', () => {
  const text = screenLines(new MarketView(), around, colorsOf(fakeWorld())).join('\n');
  expect(text).toContain('no bid yet');
  expect(text).toContain('none yet');
});

test('a log gets one line', () => {
  expect(plainLine(figuresOf(busyView(), around))).toBe(
    '2023-11-14T22:13:20.000Z bids/s=5.0 latency ms p50=12.0 p95=12.0 p99=12.0 accepted=5 rejected=0 duplicates=0 flagged=0 open=1 closed=0 lag=3',
  );
});

test('a picture is never wider or higher than the terminal, colours aside', () => {
  const painted = paintScreen(['abcdef', '\u001B[31mabcdef\u001B[39m', 'third', 'fourth'], 4, 4);
  expect(painted).toContain('abcd\u001B[K\n\u001B[31mabcd\u001B[39m\u001B[K\nthir\u001B[K');
  expect(painted).not.toContain('four');
  expect(clip('héllo', 2)).toBe('hé');
});

test('spans', () => {
  expect([-5, 59_999, 60_000, 3_600_000, 50 * 3_600_000].map(formatSpan)).toEqual([
    '0s',
    '59s',
    '1m00s',
    '1h00m',
    '2d2h',
  ]);
});
