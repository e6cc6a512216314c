/** One bid judged: the verdict and the rows after it, from the rows before it and nothing else. Pure; replays call it again. */

import type { AuctionState, BidHistory, BidPlaced, BidVerdict, Reason, RecentBid } from 'gavel/schemas';
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
  const verdict = draftOf(auction, record, weights.version);
  const earlier = findEarlierBid(history, bid.bidId);
  if (earlier !== undefined) {
    verdict.outcome = 'DUPLICATE';
    verdict.duplicateOf = { outcome: earlier.outcome, reason: earlier.reason, offset: earlier.offset };
    return { verdict, auction, history };
  }
  if (auction === undefined) return refuse('UNKNOWN_AUCTION', { verdict, auction, history }, record);
  const increments = incrementsOf(auction.currency);
  const reason = refusal(auction, bid, record.timestamp, increments);
  if (reason !== null) return refuse(reason, { verdict, auction, history }, record);

  const time = verdict.decidedAt;
  const signals = localSignals(auction, history, bid, { time, weights });
  const score = scoreOf(signals, weights);
  const { offset } = record;
  const flagged = score > weights.flagAbove;
  const bidders = biddersWith(auction, history, bid.bidderId);
  const after = acceptBid(auction, bid, { time, offset, flagged, increments, bidders });
  verdict.outcome = 'ACCEPTED';
  verdict.newPrice = after.price;
  verdict.leads = after.leader === bid.bidderId;
  verdict.signals = signals;
  verdict.score = score;
  return {
    verdict,
    auction: after,
    history: withAcceptedBid(history, {
      recent: { bidId: bid.bidId, outcome: 'ACCEPTED', reason: null, offset },
      time,
      amount: bid.amount as number,
      selfRaise: auction.leader === bid.bidderId,
    }),
  };
}

type Draft = { -readonly [Field in keyof BidVerdict]: BidVerdict[Field] };

/** The verdict of a bid that changes nothing. */
function draftOf(
  auction: AuctionState | undefined,
  record: StreamRecord<string, BidPlaced>,
  weightsVersion: number,
): Draft {
  const bid = record.value;
  return {
    type: 'BidVerdict',
    bidId: bid.bidId,
    auctionId: bid.auctionId,
    bidderId: bid.bidderId,
    bidType: bid.bidType,
    outcome: 'REJECTED',
    reason: null,
    duplicateOf: null,
    currency: auction === undefined ? bid.currency : auction.currency,
    previousPrice: auction === undefined ? null : auction.price,
    newPrice: auction === undefined ? null : auction.price,
    leads: auction !== undefined && auction.leader === bid.bidderId,
    score: 0,
    signals: NO_SIGNALS,
    weightsVersion,
    input: { topic: record.topic, partition: record.partition, offset: record.offset },
    placedAt: bid.placedAt,
    decidedAt: ruleTime(auction, bid, record.timestamp),
  };
}

function refuse(
  reason: Reason,
  { verdict, auction, history }: Omit<Judgement, 'verdict'> & { readonly verdict: Draft },
  record: StreamRecord<string, BidPlaced>,
): Judgement {
  const { bidId, bidderId } = record.value;
  const recent: RecentBid = { bidId, outcome: 'REJECTED', reason, offset: record.offset };
  const expiresAt = auction === undefined || isForgotten(auction) ? record.timestamp + FORGET_BIDS_MS : null;
  verdict.reason = reason;
  return {
    verdict,
    auction: auction && {
      ...auction,
      rejected: auction.rejected + 1,
      bidders: biddersWith(auction, history, bidderId),
    },
    history: withRefusedBid(history, recent, expiresAt),
  };
}

/** The bidders of an auction with one whose row this bid makes, or takes over from the time when the auction was unknown. */
function biddersWith(
  { bidders }: AuctionState,
  history: BidHistory | undefined,
  bidderId: string,
): readonly string[] | null {
  if (bidders === null || (history !== undefined && history.expiresAt === null)) return bidders;
  return bidders.length < NAMED_BIDDERS ? [...bidders, bidderId] : null;
}
