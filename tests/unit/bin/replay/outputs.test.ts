import type { BidFlagged, BidVerdict, CurrentPrice } from 'gavel/schemas';
import { expect, test } from 'vitest';

import { identityOf } from '../../../../bin/replay/outputs.ts';

const input = { topic: 'auction.bids', partition: 2, offset: 17 };

test('a verdict and a flag stand for their bid, wherever they were sent', () => {
  expect(identityOf('a', { type: 'BidVerdict', input } as BidVerdict, 5)).toBe('BidVerdict on auction.bids-2@17');
  expect(identityOf('a', { type: 'BidFlagged', input } as BidFlagged, 5)).toBe('BidFlagged on auction.bids-2@17');
});

test('a price stands for its auction at a record time', () => {
  expect(identityOf('a', { type: 'CurrentPrice' } as CurrentPrice, 5)).toBe('CurrentPrice of a at 5');
});
