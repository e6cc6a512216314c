/** What the live view knows of the market: fed by verdicts, prices and closings, asked by the screen. */

import type { AuctionStatus, BidFlagged, BidVerdict, CurrentPrice } from 'gavel/schemas';

/** Seconds that rates look back. */
const WINDOW_S = 10;
/** The last latencies, of which the percentiles are taken. */
const SAMPLES_MAX = 2_000;
const LAST_MAX = 8;

export interface ShownVerdict {
  readonly bidId: string;
  readonly auctionId: string;
  readonly bidderId: string;
  readonly outcome: BidVerdict['outcome'] | 'FLAGGED';
  readonly reason: string | null;
  readonly price: number | null;
  readonly currency: string | null;
}

export interface ShownAuction {
  readonly auctionId: string;
  readonly price: number;
  readonly currency: string;
  readonly leader: string | null;
  readonly bids: number;
  readonly endsAt: number;
}

export interface ShownClosing extends ShownAuction {
  readonly status: AuctionStatus;
}

export interface Percentiles {
  readonly p50: number;
  readonly p95: number;
  readonly p99: number;
}

export interface Totals {
  readonly accepted: number;
  readonly rejected: number;
  readonly duplicates: number;
  readonly flagged: number;
  readonly closed: number;
}

export class MarketView {
  readonly #totals = { accepted: 0, rejected: 0, duplicates: 0, flagged: 0, closed: 0 };
  /** Verdicts per second of the clock, by second modulo the window. */
  readonly #perSecond = new Array<number>(WINDOW_S + 1).fill(0);
  #second = 0;
  #firstSecond = 0;
  readonly #latencies: number[] = [];
  #nextLatency = 0;
  readonly #open = new Map<string, ShownAuction>();
  readonly #lastVerdicts: ShownVerdict[] = [];
  readonly #lastFlags: ShownVerdict[] = [];
  readonly #lastClosings: ShownClosing[] = [];

  get totals(): Totals {
    return this.#totals;
  }

  get openAuctions(): number {
    return this.#open.size;
  }

  /** Newest first. */
  get lastVerdicts(): readonly ShownVerdict[] {
    return this.#lastVerdicts;
  }

  get lastFlags(): readonly ShownVerdict[] {
    return this.#lastFlags;
  }

  get lastClosings(): readonly ShownClosing[] {
    return this.#lastClosings;
  }

  /** @param now when it became visible, in ms; @param latencyMs since its bid was appended */
  verdict(verdict: BidVerdict, now: number, latencyMs: number): void {
    this.#advance(now);
    const slot = this.#second % this.#perSecond.length;
    this.#perSecond[slot] = (this.#perSecond[slot] ?? 0) + 1;
    this.#latencies[this.#nextLatency] = latencyMs;
    this.#nextLatency = (this.#nextLatency + 1) % SAMPLES_MAX;
    if (verdict.outcome === 'ACCEPTED') this.#totals.accepted += 1;
    else if (verdict.outcome === 'REJECTED') this.#totals.rejected += 1;
    else this.#totals.duplicates += 1;
    const { bidId, auctionId, bidderId, outcome, reason, newPrice: price, currency } = verdict;
    remember(this.#lastVerdicts, { bidId, auctionId, bidderId, outcome, reason, price, currency });
  }

  /** A verdict that was flagged at once, or a later flag. */
  flag(flag: BidVerdict | BidFlagged): void {
    this.#totals.flagged += 1;
    const reason = flag.signals.map(({ signal }) => signal).join(', ');
    const { bidId, auctionId, bidderId } = flag;
    const shown = { bidId, auctionId, bidderId, outcome: 'FLAGGED' as const, reason, price: null, currency: null };
    remember(this.#lastFlags, shown);
  }

  /** @param live false for what happened before the view began: it fills the list of open auctions, but counts no closing */
  price(record: CurrentPrice, live: boolean): void {
    const { auctionId, price, currency, leader, bids, endsAt, status } = record;
    const shown = { auctionId, price, currency, leader, bids, endsAt };
    if (status === 'SCHEDULED' || status === 'OPEN') {
      this.#open.set(auctionId, shown);
      return;
    }
    this.#open.delete(auctionId);
    if (!live) return;
    this.#totals.closed += 1;
    remember(this.#lastClosings, { ...shown, status });
  }

  /** The open auctions that end next. */
  closingSoonest(limit: number): readonly ShownAuction[] {
    const soonest: ShownAuction[] = [];
    for (const auction of this.#open.values()) {
      const last = soonest[limit - 1];
      if (last !== undefined && last.endsAt <= auction.endsAt) continue;
      const place = soonest.findIndex((other) => other.endsAt > auction.endsAt);
      soonest.splice(place === -1 ? soonest.length : place, 0, auction);
      if (soonest.length > limit) soonest.pop();
    }
    return soonest;
  }

  /** Verdicts per second over the last whole seconds. */
  bidsPerSecond(now: number): number {
    this.#advance(now);
    const seconds = Math.min(WINDOW_S, this.#second - this.#firstSecond);
    if (seconds === 0) return 0;
    let sum = 0;
    for (let back = 1; back <= seconds; back++) {
      sum += this.#perSecond[(this.#second - back) % this.#perSecond.length] ?? 0;
    }
    return sum / seconds;
  }

  /** Milliseconds from the append of a bid until its verdict was visible; undefined before the first. */
  latency(): Percentiles | undefined {
    if (this.#latencies.length === 0) return undefined;
    const sorted = Float64Array.from(this.#latencies).sort();
    const at = (share: number): number => sorted[Math.ceil(share * sorted.length) - 1] ?? 0;
    return { p50: at(0.5), p95: at(0.95), p99: at(0.99) };
  }

  #advance(now: number): void {
    const second = Math.floor(now / 1000);
    if (this.#second === 0) this.#second = this.#firstSecond = second;
    const steps = Math.min(second - this.#second, this.#perSecond.length);
    for (let step = 1; step <= steps; step++) this.#perSecond[(this.#second + step) % this.#perSecond.length] = 0;
    if (second > this.#second) this.#second = second;
  }
}

function remember<T>(newestFirst: T[], entry: T): void {
  if (newestFirst.unshift(entry) > LAST_MAX) newestFirst.pop();
}
