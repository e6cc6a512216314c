/** One plausible value of the records that the tests write most. */

import type { BidPlaced, BidVerdict, FlagBid } from 'gavel/schemas';

export const BID: BidPlaced = {
  type: 'BidPlaced',
  bidId: 'bid-000123456',
  auctionId: 'auction-004242',
  bidderId: 'bidder-1999',
  amount: 123_456,
  currency: null,
  bidType: 'PROXY',
  placedAt: 1_767_225_600_123,
  device: 'web',
};

export const FLAG: FlagBid = {
  type: 'FlagBid',
  bidId: 'bid-000123456',
  auctionId: 'auction-004242',
  bidderId: 'bidder-1999',
  input: { topic: 'auction.bids', partition: 2, offset: 123_456_789 },
  score: 550_000,
  signals: [{ signal: 'seller-affinity', value: 1_000_000 }],
  weightsVersion: 1,
};

export const VERDICT: BidVerdict = {
  type: 'BidVerdict',
  bidId: 'bid-000123456',
  auctionId: 'auction-004242',
  bidderId: 'bidder-1999',
  bidType: 'PROXY',
  outcome: 'ACCEPTED',
  reason: null,
  duplicateOf: null,
  currency: 'USD',
  previousPrice: 12_300,
  newPrice: 12_500,
  leads: true,
  score: 250_000,
  signals: [{ signal: 'snipe', value: 1_000_000 }],
  weightsVersion: 1,
  input: { topic: 'auction.bids', partition: 2, offset: 123_456_789 },
  placedAt: 1_767_225_600_123,
  decidedAt: 1_767_225_600_125,
};
