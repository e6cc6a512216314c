/** What the judge may use: its options, its ports and its stores. */

import type { Alert, BidFlagged, BidVerdict, BidderBid, BidderClosing, CurrentPrice, Transaction } from 'gavel/schemas';
import { port, type Port, type ProcessorContext } from 'gavel/streams';
import type { JudgeStores } from './state.ts';
import type { Weights } from './weights.ts';

export interface JudgeOptions {
  readonly weights: Weights;
  /** The platform's part of a price. */
  readonly platformFeeMillionths: number;
  /** How long the row of a closed auction is kept. */
  readonly keepClosedDays: number;
}

export const judgePorts = {
  verdicts: port<string, BidVerdict>(),
  flags: port<string, BidFlagged>(),
  prices: port<string, CurrentPrice>(),
  /** Each state of a transaction, for its topic and for the payments. */
  settlements: port<string, Transaction>(),
  alerts: port<string, Alert>(),
  /** By bidderId. */
  facts: port<string, BidderBid | BidderClosing>(),
};

export type PortTypes<P> = { readonly [N in keyof P]: P[N] extends Port<infer KeyValue> ? KeyValue : never };

export type JudgeContext = ProcessorContext<PortTypes<typeof judgePorts>, JudgeStores>;
