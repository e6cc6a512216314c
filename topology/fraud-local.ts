/** The four fraud signals that one auction shows by itself, and the score of any signals: integers only, so that every replay agrees. */

import type { AuctionState, BidHistory, BidPlaced, Signal } from 'gavel/schemas';
import { isOpenBid } from './price.ts';
import { ONE, type Ramp, type SignalName, type Weights } from './weights.ts';

/** What a bid without suspicion shows. */
export const NO_SIGNALS: readonly Signal[] = Object.freeze([]);

/**
 * The local signals of a bid that the rules accept, in the order of the table.
 *
 * @param auction the auction before the bid
 * @param history the bidder's row of this auction before the bid
 * @param time the time that the rules used
 */
export function localSignals(
  auction: AuctionState,
  history: BidHistory | undefined,
  bid: BidPlaced,
  { time, weights }: { readonly time: number; readonly weights: Weights },
): readonly Signal[] {
  const table = weights.signals;
  let signals = NO_SIGNALS;
  if (auction.accepted > 0 && isOpenBid(bid.bidType)) {
    signals = withSignal(signals, 'increment', rise(auction.price, bid.amount as number, table.increment));
  }
  signals = withSignal(signals, 'snipe', along(table.snipe, auction.endsAt - time));
  if (history === undefined) return signals;
  const bids = 1 + countBetween(history.lastTimes, time - table.velocity.windowMs, time);
  signals = withSignal(signals, 'velocity', along(table.velocity, bids));
  if (auction.leader !== bid.bidderId) return signals;
  return withSignal(signals, 'self-raise', along(table['self-raise'], history.selfRaises + 1));
}

/** `1 − Π(1 − w·f)` in millionths. */
export function scoreOf(signals: readonly Signal[], weights: Weights): number {
  let innocent = ONE;
  for (const { signal, value } of signals) {
    const taken = Math.round((weights.signals[signal as SignalName].weight * value) / ONE);
    innocent = Math.round((innocent * (ONE - taken)) / ONE);
  }
  return ONE - innocent;
}

/** The signal that takes most from the innocence of a bid. */
export function strongestSignal(signals: readonly Signal[], weights: Weights): string {
  const weightOf = ({ signal, value }: Signal) => weights.signals[signal as SignalName].weight * value;
  return signals.reduce((a, b) => (weightOf(b) > weightOf(a) ? b : a)).signal;
}

/** The signals and one more, if it fired at all. */
export function withSignal(signals: readonly Signal[], signal: SignalName, value: number): readonly Signal[] {
  return value === 0 ? signals : [...signals, { signal, value }];
}

/** The share of `part` in `whole` in whole millionths, rounded down, between 0 and all of it. Exact for safe integers. */
export function millionths(part: number, whole: number): number {
  if (part <= 0) return 0;
  if (part >= whole) return ONE;
  if (whole <= Number.MAX_SAFE_INTEGER / ONE) return Math.floor((part * ONE) / whole);
  return Number((BigInt(part) * BigInt(ONE)) / BigInt(whole));
}

function along({ zero, full }: Ramp, value: number): number {
  return zero < full ? millionths(value - zero, full - zero) : millionths(zero - value, zero - full);
}

/** Where there was no price nothing can be said about a rise. */
function rise(before: number, amount: number, { zero, full }: Ramp): number {
  if (before === 0) return 0;
  return millionths(100 * (amount - before) - zero * before, (full - zero) * before);
}

function countBetween(times: readonly number[], first: number, last: number): number {
  let count = 0;
  for (const time of times) if (time >= first && time <= last) count++;
  return count;
}
