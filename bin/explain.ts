/** One bid's whole path: where it stands, the rules in their order, its signals, its verdict, a later flag. */

import { readRecords } from 'gavel/broker';
import type { BidFlagged, BidVerdict, Reason } from 'gavel/schemas';
import type { Broker } from 'gavel/streams';
import { partitionOf } from 'gavel/streams';

import { decode } from './decode.ts';
import type { Platform } from './platform.ts';

export interface LogPlace {
  readonly topic: string;
  readonly partition: number;
  readonly offset: number;
}

export interface AppliedRule {
  readonly rule: Reason;
  readonly says: string;
  /** Null where an earlier rule had decided already. */
  readonly passed: boolean | null;
}

export interface ExplainedBid {
  readonly bidId: string;
  readonly auctionId: string;
  readonly bidderId: string;
  readonly bidType: BidVerdict['bidType'];
  /** Where the bid stands, and when it was appended. */
  readonly input: LogPlace & { readonly appendedAt: string };
  readonly placedAt: string;
  /** The time that the rules used. */
  readonly decidedAt: string;
  readonly rules: readonly AppliedRule[];
  readonly verdict: LogPlace & {
    readonly outcome: BidVerdict['outcome'];
    readonly reason: BidVerdict['reason'];
    readonly duplicateOf: BidVerdict['duplicateOf'];
    readonly currency: string | null;
    readonly previousPrice: number | null;
    readonly newPrice: number | null;
    readonly leads: boolean;
  };
  /** Millionths. */
  readonly score: number;
  readonly signals: BidVerdict['signals'];
  readonly weightsVersion: number;
  /** A flag that came after the verdict. */
  readonly flag: (LogPlace & Pick<BidFlagged, 'score' | 'signals' | 'weightsVersion'>) | null;
}

/** In the order in which they are applied. */
const RULES: readonly (readonly [Reason, string])[] = [
  ['INVALID_TIME', 'it is not placed more than 5 s ahead of its append time'],
  ['UNKNOWN_AUCTION', 'the auction is known'],
  ['NOT_STARTED', 'the auction has started'],
  ['AUCTION_ENDED', 'the auction has not ended'],
  ['SELLER_BID', 'the bidder is not the seller'],
  ['INVALID_AMOUNT', 'the amount is above 0, not too large, and in the currency of the auction'],
  ['BELOW_START', 'where nobody leads: the amount reaches the start price'],
  ['NOT_HIGHER', 'where the bidder leads: the amount is above the own maximum'],
  ['TOO_LOW', 'where another leads: the amount reaches the price and one increment'],
];

/** Every verdict on a bid of this id, in the order of the log; several where an id was used again. Reads the verdicts' topics. */
export async function explainBid(
  platform: Platform,
  bidId: string,
  auctionId: string | undefined,
): Promise<readonly ExplainedBid[]> {
  const { validated, flagged, rejected } = platform.topics;
  const verdicts: { readonly verdict: BidVerdict; readonly place: LogPlace; readonly appendedAt: number }[] = [];
  const flags: { readonly flag: BidFlagged; readonly place: LogPlace }[] = [];
  for (const topic of [validated, flagged, rejected]) {
    for await (const record of readRecords(platform.broker, await ranges(platform.broker, topic, auctionId))) {
      // Most records are of other bids: look for the id before decoding.
      if (record.value === null || !record.value.includes(bidId)) continue;
      const value = await decode(flagged.value, record.value);
      if (value.bidId !== bidId || (auctionId !== undefined && value.auctionId !== auctionId)) continue;
      const place = { topic: record.topic, partition: record.partition, offset: record.offset };
      if (value.type === 'BidFlagged') flags.push({ flag: value, place });
      else verdicts.push({ verdict: value, place, appendedAt: record.timestamp });
    }
  }
  return verdicts
    .sort(
      (a, b) =>
        a.verdict.input.partition - b.verdict.input.partition || a.verdict.input.offset - b.verdict.input.offset,
    )
    .map(({ verdict, place, appendedAt }) => {
      const found = flags.find(
        ({ flag: { input } }) => input.offset === verdict.input.offset && input.partition === verdict.input.partition,
      );
      return explained(verdict, { place, appendedAt, found });
    });
}

function explained(
  verdict: BidVerdict,
  {
    place,
    appendedAt,
    found,
  }: {
    readonly place: LogPlace;
    readonly appendedAt: number;
    readonly found: { readonly flag: BidFlagged; readonly place: LogPlace } | undefined;
  },
): ExplainedBid {
  const { bidId, auctionId, bidderId, bidType, input, placedAt, decidedAt } = verdict;
  const { outcome, reason, duplicateOf, currency, previousPrice, newPrice, leads } = verdict;
  const { score, signals, weightsVersion } = verdict;
  return {
    bidId,
    auctionId,
    bidderId,
    bidType,
    input: { ...input, appendedAt: isoTime(appendedAt) },
    placedAt: isoTime(placedAt),
    decidedAt: isoTime(decidedAt),
    rules: appliedRules(verdict),
    verdict: { ...place, outcome, reason, duplicateOf, currency, previousPrice, newPrice, leads },
    score,
    signals,
    weightsVersion,
    flag:
      found === undefined
        ? null
        : {
            ...found.place,
            score: found.flag.score,
            signals: found.flag.signals,
            weightsVersion: found.flag.weightsVersion,
          },
  };
}

/** A duplicate is recognised before any rule. */
export function appliedRules({ outcome, reason }: Pick<BidVerdict, 'outcome' | 'reason'>): readonly AppliedRule[] {
  const failed = RULES.findIndex(([rule]) => rule === reason);
  return RULES.map(([rule, says], i) => {
    if (outcome === 'DUPLICATE' || (failed !== -1 && i > failed)) return { rule, says, passed: null };
    return { rule, says, passed: i !== failed };
  });
}

async function ranges(
  broker: Broker,
  { name: topic, partitions }: { readonly name: string; readonly partitions: number },
  auctionId: string | undefined,
) {
  const only = auctionId === undefined ? undefined : partitionOf(Buffer.from(auctionId), partitions);
  const all = Array.from({ length: partitions }, (_, partition) => ({ topic, partition })).filter(
    ({ partition }) => only === undefined || partition === only,
  );
  const [starts, ends] = await Promise.all([broker.listOffsets(all, 'earliest'), broker.listOffsets(all, 'latest')]);
  return starts.map(({ partition, offset: from }, i) => ({ topic, partition, from, to: ends[i]?.offset ?? from }));
}

function isoTime(ms: number): string {
  return new Date(ms).toISOString();
}
