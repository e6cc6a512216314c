/** When bids come: the timing table of auctions, which most bidders leave to the last minute. */

const MINUTE_MS = 60_000;
/** Auctions shorter than this scale the windows. */
const FULL_LENGTH_MS = 120 * MINUTE_MS;

/** Windows before the end in order of time: each reaches from the end of the one before to `untilMs` before the auction's end. */
const WINDOWS = [
  { share: 0.43, untilMs: 60 * MINUTE_MS },
  { share: 0.08, untilMs: 5 * MINUTE_MS },
  { share: 0.17, untilMs: MINUTE_MS },
  { share: 0.32, untilMs: 0 },
] as const;

export interface AuctionPeriod {
  /** First moment of bidding, ms since the epoch. */
  readonly startsAt: number;
  /** End of bidding, exclusive. */
  readonly endsAt: number;
}

/** How much shorter than in the table the windows of this auction are, in (0, 1]. */
export function windowScale({ startsAt, endsAt }: AuctionPeriod): number {
  return Math.min(1, (endsAt - startsAt) / FULL_LENGTH_MS);
}

/** The shares of the table, in order of time. */
const TABLE_SHARES: readonly number[] = WINDOWS.map(({ share }) => share);

/** The shares of an auction's other bids, where those `taken` have their times already and all together follow the table. */
export function sharesBeside(period: AuctionPeriod, taken: readonly number[], bids: number): readonly number[] {
  if (taken.length === 0) return TABLE_SHARES;
  const left = TABLE_SHARES.map((share) => share * bids);
  for (const at of taken) (left[windowAt(period, at)] as number) -= 1;
  const positive = left.map((count) => Math.max(0, count));
  const sum = positive.reduce((total, count) => total + count, 0);
  return sum === 0 ? TABLE_SHARES : positive.map((count) => count / sum);
}

/** The time before which `share` (in [0, 1)) of an auction's bids come, in whole ms, before its end. */
export function timeOfShare(period: AuctionPeriod, share: number, shares = TABLE_SHARES): number {
  const scale = windowScale(period);
  let rest = share;
  let from = period.startsAt;
  for (const [i, { untilMs }] of WINDOWS.entries()) {
    const until = period.endsAt - untilMs * scale;
    const width = shares[i] as number;
    if (rest < width) {
      const at = Math.floor(from + ((until - from) * rest) / width);
      return Math.max(period.startsAt, Math.min(period.endsAt - 1, at));
    }
    rest -= width;
    from = until;
  }
  return period.endsAt - 1;
}

/** Which window a time before the end is in. */
function windowAt(period: AuctionPeriod, at: number): number {
  const left = (period.endsAt - at) / windowScale(period);
  return WINDOWS.findIndex(({ untilMs }) => left > untilMs);
}

/** Shares of the bids by window, 0..1, and how many bids they are of. */
export interface TimingShares {
  readonly lastMinute: number;
  readonly minutes1to5: number;
  readonly minutes5to60: number;
  readonly earlier: number;
  readonly bids: number;
}

/** Counts bids by window, as `--stats` prints them. */
export class TimingStats {
  readonly #counts = WINDOWS.map(() => 0);
  #bids = 0;

  /** Bids outside of their auction's period have no window and are not counted. */
  add(period: AuctionPeriod, placedAt: number): void {
    if (placedAt < period.startsAt || placedAt >= period.endsAt) return;
    (this.#counts[windowAt(period, placedAt)] as number) += 1;
    this.#bids++;
  }

  shares(): TimingShares {
    const [earlier, minutes5to60, minutes1to5, lastMinute] = this.#counts.map((n) => n / Math.max(1, this.#bids));
    return { lastMinute, minutes1to5, minutes5to60, earlier, bids: this.#bids } as TimingShares;
  }
}
