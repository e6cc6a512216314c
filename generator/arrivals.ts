/** When auctions arrive in the market, how long they run and how many bids they get. */

import { exponential, integerBelow, logNormal, pickWeighted, type Random } from './random.ts';
import type { MarketProfile } from './profile.ts';

/** `fixed`: so many auctions and bids, starting within a span. `endless`: at a rate, a market in full swing from its first moment. */
export type Supply =
  | { readonly kind: 'fixed'; readonly auctions: number; readonly bids: number; readonly spanMs: number }
  | { readonly kind: 'endless'; readonly bidsPerSecond: number };

export interface Arrival {
  readonly startsAt: number;
  readonly durationMs: number;
  readonly bids: number;
  /** Whether shills take part. */
  readonly shilled: boolean;
  /** Bids before this time are left out. */
  readonly bidsFrom: number;
  readonly bidAtOnce: boolean;
}

export interface ArrivalOptions {
  readonly profile: MarketProfile;
  readonly opensAt: number;
  readonly announceMs: number;
  /** Share of auctions with shills. */
  readonly shills: number;
}

/** Fewest bids in which shills can hide. */
const SHILLED_BIDS_MIN = 15;
/** With fewer bids per auction no auction has shills. */
const SHILLED_MEAN_MIN = 5;

/** Deviation of the logarithm of the bids per auction. */
const BIDS_SIGMA = 0.8;
/** Brings the mean of the log-normal to 1. */
const BIDS_MEDIAN = Math.exp(-(BIDS_SIGMA ** 2) / 2);
/** Share of auctions that nobody wants. */
const UNWANTED_SHARE = 0.04;
/** An auction that ends sooner after the opening is not worth listing. */
const REST_MIN_MS = 2_000;
const OPENING_MS = 45_000;
const OPENING_BIDS = 25;

export function arrivals(supply: Supply, options: ArrivalOptions, random: Random): Generator<Arrival> {
  return supply.kind === 'fixed'
    ? fixedArrivals(supply, options, random)
    : endlessArrivals(supply.bidsPerSecond, options, random);
}

function* fixedArrivals(
  supply: Supply & { readonly kind: 'fixed' },
  { profile, opensAt, shills }: ArrivalOptions,
  random: Random,
): Generator<Arrival> {
  let bidsLeft = supply.bids;
  let share = 0;
  for (let left = supply.auctions; left > 0; left--) {
    share = 1 - (1 - share) * (1 - random()) ** (1 / left);
    const { bids, shilled } = drawDemand(bidsLeft / left, shills, random);
    const granted = left === 1 ? bidsLeft : Math.min(bidsLeft, bids);
    bidsLeft -= granted;
    const startsAt = opensAt + Math.floor(share * supply.spanMs);
    yield {
      startsAt,
      durationMs: drawDuration(profile, random),
      bids: granted,
      shilled: shilled && granted >= SHILLED_BIDS_MIN,
      bidsFrom: startsAt,
      bidAtOnce: false,
    };
  }
}

/**
 * A Poisson stream that began long before the market opens, so that it opens with auctions of any age. One more starts
 * with the opening and has a bid at once, however low the rate is.
 */
function* endlessArrivals(
  bidsPerSecond: number,
  { profile, opensAt, announceMs, shills }: ArrivalOptions,
  random: Random,
): Generator<Arrival> {
  const meanGapMs = (profile.bidsPerAuction * 1000) / bidsPerSecond;
  const opening = opensAt + announceMs;
  const longest = Math.max(...profile.durations.map(({ toMs }) => toMs));
  yield {
    startsAt: opening,
    durationMs: OPENING_MS,
    bids: OPENING_BIDS,
    shilled: false,
    bidsFrom: opening,
    bidAtOnce: true,
  };
  for (let time = opensAt - longest; ;) {
    time += exponential(random, meanGapMs);
    const startsAt = Math.floor(time);
    const durationMs = drawDuration(profile, random);
    const demand = drawDemand(profile.bidsPerAuction, shills, random);
    if (startsAt + durationMs < opening + REST_MIN_MS) continue;
    yield { startsAt, durationMs, ...demand, bidsFrom: Math.max(opening, startsAt), bidAtOnce: false };
  }
}

/** How many bids an auction gets where the average is `mean`, and whether shills are among the bidders. */
function drawDemand(mean: number, shills: number, random: Random): Pick<Arrival, 'bids' | 'shilled'> {
  const shilled = random() < shills && mean >= SHILLED_MEAN_MIN;
  if (!shilled && random() < UNWANTED_SHARE) return { bids: 0, shilled };
  const bids = Math.round(logNormal(random, BIDS_MEDIAN, BIDS_SIGMA) * (mean / (1 - UNWANTED_SHARE)));
  return { bids: shilled ? Math.max(bids, SHILLED_BIDS_MIN) : bids, shilled };
}

function drawDuration(profile: MarketProfile, random: Random): number {
  const { fromMs, toMs } = pickWeighted(random, profile.durations);
  return fromMs + integerBelow(random, toMs - fromMs + 1);
}
