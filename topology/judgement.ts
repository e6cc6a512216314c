/** One bid judged: the verdict and the rows after it, from the rows before it and nothing else. Pure; replays call it again. */

import type { AuctionState, BidHistory, BidPlaced, BidVerdict, RecentBid, Reason, Signal } from 'gavel/schemas';
import type { StreamRecord } from 'gavel/streams';
import { findEarlierBid, withAcceptedBid, withRefusedBid } from './bid-history.ts';
import { acceptBid, refusal, ruleTime } from './bid-rules.ts';
import { FORGET_BIDS_MS, isForgotten } from './closing.ts';
import { localSignals, NO_SIGNALS, scoreOf } from './fraud-local.ts';
import { incrementsOf } from './increments.ts';
import type { Weights } from './weights.ts';

/** Bidders that a row of an auction names; with more of them they are found by scanning. */
export const NAMED_BIDDERS = 16;

export interface Judgement {
  readonly verdict: BidVerdict;
  /** The auction after the bid; the same object where nothing changed. */
  readonly auction: AuctionState | undefined;
  /** The bidder's row after the bid; the same object where nothing changed. */
  readonly history: BidHistory | undefined;
}

/** What stands before the bid. */
interface Case {
  readonly auction: AuctionState | undefined;
  readonly history: BidHistory | undefined;
  readonly record: StreamRecord<string, BidPlaced>;
  /** The time that the rules use. */
  readonly time: number;
}

/**
 * Judges a bid by the rules of its auction and scores it if it is accepted.
 *
 * @param auction the row of its auction, undefined where that is unknown
 * @param history the row of its bidder in this auction, undefined before the first bid
 * @param record the bid where it stands in the log that decides
 */
export function judgeBid(
  auction: AuctionState | undefined,
  history: BidHistory | undefined,
  record: StreamRecord<string, BidPlaced>,
  weights: Weights,
): Judgement {
  const bid = record.value;
  const it: Case = { auction, history, record, time: ruleTime(auction, bid, record.timestamp) };
  const earlier = findEarlierBid(history, bid.bidId);
  if (earlier !== undefined) return duplicate(it, earlier, weights);
  if (auction === undefined) return refuse(it, 'UNKNOWN_AUCTION', weights);
  const increments = incrementsOf(auction.currency);
  const reason = refusal(auction, bid, record.timestamp, increments);
  if (reason !== null) return refuse(it, reason, weights);

  const signals = localSignals(auction, history, bid, { time: it.time, weights });
  const score = signals === NO_SIGNALS ? 0 : scoreOf(signals, weights);
  const flagged = score > weights.flagAbove;
  const after = acceptBid(auction, bid, { time: it.time, offset: record.offset, flagged, increments });
  return {
    verdict: verdict(it, {
      outcome: 'ACCEPTED',
      reason: null,
      duplicateOf: null,
      after,
      score,
      signals,
      version: weights.version,
    }),
    auction: withBidder(after, history, bid.bidderId),
    history: withAcceptedBid(history, {
      recent: { bidId: bid.bidId, outcome: 'ACCEPTED', reason: null, offset: record.offset },
      time: it.time,
      amount: bid.amount as number,
      selfRaise: auction.leader === bid.bidderId,
    }),
  };
}

/** Rule 0: changes nothing. */
function duplicate(it: Case, earlier: RecentBid, { version }: Weights): Judgement {
  const duplicateOf = { outcome: earlier.outcome, reason: earlier.reason, offset: earlier.offset };
  return {
    verdict: verdict(it, { ...UNSCORED, outcome: 'DUPLICATE', reason: null, duplicateOf, after: it.auction, version }),
    auction: it.auction,
    history: it.history,
  };
}

function refuse(it: Case, reason: Reason, { version }: Weights): Judgement {
  const { auction, history, record } = it;
  const { bidId, bidderId } = record.value;
  const recent: RecentBid = { bidId, outcome: 'REJECTED', reason, offset: record.offset };
  const expiresAt = auction === undefined || isForgotten(auction) ? record.timestamp + FORGET_BIDS_MS : null;
  return {
    verdict: verdict(it, { ...UNSCORED, outcome: 'REJECTED', reason, duplicateOf: null, after: auction, version }),
    auction: auction && withBidder({ ...auction, rejected: auction.rejected + 1 }, history, bidderId),
    history: withRefusedBid(history, recent, expiresAt),
  };
}

/** Names a bidder whose row this bid makes, or takes over from the time when the auction was unknown. */
function withBidder(auction: AuctionState, history: BidHistory | undefined, bidderId: string): AuctionState {
  const { bidders } = auction;
  if (bidders === null || (history !== undefined && history.expiresAt === null)) return auction;
  return { ...auction, bidders: bidders.length < NAMED_BIDDERS ? [...bidders, bidderId] : null };
}

const UNSCORED = { score: 0, signals: NO_SIGNALS } as const;

interface Finding extends Pick<BidVerdict, 'outcome' | 'reason' | 'duplicateOf' | 'score'> {
  readonly after: AuctionState | undefined;
  readonly signals: readonly Signal[];
  readonly version: number;
}

function verdict({ auction, record, time }: Case, finding: Finding): BidVerdict {
  const { bidId, auctionId, bidderId, bidType, currency, placedAt } = record.value;
  const { after } = finding;
  return {
    type: 'BidVerdict',
    bidId,
    auctionId,
    bidderId,
    bidType,
    outcome: finding.outcome,
    reason: finding.reason,
    duplicateOf: finding.duplicateOf,
    currency: auction === undefined ? currency : auction.currency,
    previousPrice: auction === undefined ? null : auction.price,
    newPrice: after === undefined ? null : after.price,
    leads: after !== undefined && after.leader === bidderId,
    score: finding.score,
    signals: finding.signals,
    weightsVersion: finding.version,
    input: { topic: record.topic, partition: record.partition, offset: record.offset },
    placedAt,
    decidedAt: time,
  };
}
