/** The processor of the log that decides: verdicts on bids here, all other records to their part of an auction's life. */

import type { AuctionState, BidHistory, BidPlaced, BidVerdict, Outcome, Reason } from 'gavel/schemas';
import { REASON_SYMBOLS } from 'gavel/schemas';
import { processor, type Edge, type KeyValueStore, type Processor, type StreamRecord } from 'gavel/streams';
import { flagAlert } from './alerts.ts';
import { historyKey } from './bid-history.ts';
import { Controls } from './controls.ts';
import { currentPriceOf } from './current-price.ts';
import { judgePorts, type JudgeContext, type JudgeOptions } from './judge-context.ts';
import { strongestSignal } from './fraud-local.ts';
import { judgeBid } from './judgement.ts';
import { Lifecycle } from './lifecycle.ts';
import { bidCount, recentBidKey, recentBidOf } from './recent-bids.ts';
import { judgeStores } from './state.ts';
import type { LogRecord } from './topics.ts';
import type { Weights } from './weights.ts';

/** The step that decides, from the one log that decides. */
export function judge(log: Edge<string, LogRecord>, options: JudgeOptions) {
  return processor({
    name: 'judge',
    from: [log],
    ports: judgePorts,
    stores: judgeStores(options.keepClosedDays),
    create: (context) => new Judge(context, options),
  });
}

/** Each BidPlaced gets exactly one verdict. A record that cannot belong to this log is dead-lettered. */
export class Judge implements Processor<string, LogRecord> {
  readonly #context: JudgeContext;
  readonly #weights: Weights;
  readonly #lifecycle: Lifecycle;
  readonly #controls: Controls;
  readonly #auctions: KeyValueStore<string, AuctionState>;
  readonly #histories: KeyValueStore<string, BidHistory>;

  constructor(context: JudgeContext, options: JudgeOptions) {
    this.#context = context;
    this.#weights = options.weights;
    this.#lifecycle = new Lifecycle(context, options);
    this.#controls = new Controls(context, this.#lifecycle, options.weights);
    this.#auctions = context.stores.auctions;
    this.#histories = context.stores.bidHistory;
  }

  process(record: StreamRecord<string, LogRecord>): void {
    const { key, value } = record;
    if (key === null) this.#context.deadLetter('NULL_KEY', 'a record of this log needs its auctionId as its key');
    else if (value === null) this.#context.deadLetter('NULL_VALUE', 'a record of this log needs a value');
    else if (value.auctionId !== key) {
      this.#context.deadLetter('KEY_MISMATCH', `the key is not the auctionId of the value, "${value.auctionId}"`);
    } else if (value.type === 'BidPlaced') this.#judge(record as StreamRecord<string, BidPlaced>);
    else this.#controls.process(record, value);
  }

  wake(time: number, limit: number): Promise<number | undefined> {
    return this.#lifecycle.wake(time, limit);
  }

  rollback(): void {
    this.#lifecycle.rollback();
  }

  #judge(record: StreamRecord<string, BidPlaced>): void {
    const { auctionId, bidderId } = record.value;
    const key = historyKey(auctionId, bidderId);
    const before = this.#auctions.get(auctionId);
    const { verdict, auction, history } = judgeBid(before, this.#histories.get(key), record, this.#weights);
    const flagged = verdict.score > this.#weights.flagAbove;
    this.#context.forward('verdicts', auctionId, verdict);
    this.#context.count('bids_total', BID_LABELS.get(verdict.reason ?? verdict.outcome));
    if (verdict.outcome === 'DUPLICATE' || history === undefined) return;

    this.#histories.put(key, history);
    if (history.expiresAt !== null) this.#lifecycle.expireAt(history.expiresAt);
    if (before === undefined || auction === undefined) return;
    this.#auctions.put(auctionId, auction);
    if (history.expiresAt === null) {
      this.#context.stores.auctionBids.put(recentBidKey(auctionId, bidCount(before)), recentBidOf(verdict, flagged));
    }
    if (verdict.outcome !== 'ACCEPTED') return;
    this.#context.forward('prices', auctionId, currentPriceOf(auction, record.timestamp));
    this.#tellBidders(verdict, auction, history.bids === 1);
    if (!flagged) return;
    this.#context.forward('alerts', auctionId, flagAlert(verdict, record.timestamp));
    this.#context.count('fraud_flags_total', { signal: strongestSignal(verdict.signals, this.#weights) });
  }

  #tellBidders(verdict: BidVerdict, auction: AuctionState, firstInAuction: boolean): void {
    const { bidId, auctionId, bidderId, input, score, signals, decidedAt } = verdict;
    this.#context.forward('facts', bidderId, {
      type: 'BidderBid',
      bidId,
      auctionId,
      sellerId: auction.terms?.sellerId as string,
      bidderId,
      category: auction.terms?.category as string,
      currency: auction.currency,
      input,
      score,
      signals,
      price: auction.price,
      decidedAt,
      firstInAuction,
    });
  }
}

type BidLabels = { readonly outcome: Outcome; readonly reason: Reason | '' };

/** Made once: a bid must not allocate its labels. */
const BID_LABELS: ReadonlyMap<Reason | Outcome, BidLabels> = new Map<Reason | Outcome, BidLabels>([
  ['ACCEPTED', { outcome: 'ACCEPTED', reason: '' }],
  ['DUPLICATE', { outcome: 'DUPLICATE', reason: '' }],
  ...REASON_SYMBOLS.map((reason): [Reason, BidLabels] => [reason, { outcome: 'REJECTED', reason }]),
]);
