/** The constants of the fraud score in one versioned table; each verdict names the version that made it. */

/** One in millionths. */
export const ONE = 1_000_000;

/** A measure that counts linearly between two bounds: `zero` gives 0, `full` gives 1. Either may be the larger one. */
export interface Ramp {
  /** Millionths of the score that the signal takes away when it is full. */
  readonly weight: number;
  readonly zero: number;
  readonly full: number;
}

export interface Weights {
  /** Goes into each verdict; change it with any other field. */
  readonly version: number;
  /** Scores above it are flagged, in millionths. */
  readonly flagAbove: number;
  readonly signals: {
    /** Percent that an open bid rises over the previous price. */
    readonly increment: Ramp;
    /** Milliseconds before the end. */
    readonly snipe: Ramp;
    /** Bids of one bidder in one auction within `windowMs`. At most 6 are known. */
    readonly velocity: Ramp & { readonly windowMs: number };
    /** Times that a leader raised the own maximum. */
    readonly 'self-raise': Ramp;
    /** Share of a bidder's auctions with one seller, from `auctionsMin` on, nothing won there. */
    readonly 'seller-affinity': { readonly weight: number; readonly auctionsMin: number };
    /** Share not won of the auctions with `sharePercent` of the bids, from `auctionsMin` on. */
    readonly 'losing-ratio': { readonly weight: number; readonly auctionsMin: number; readonly sharePercent: number };
    /** A young or badly rated account above a category's price. */
    readonly 'new-account': {
      readonly weight: number;
      readonly ageMs: number;
      /** Minor units at two decimals. */
      readonly priceByCategory: Readonly<Record<string, number>>;
      /** For any other category. */
      readonly priceOtherwise: number;
    };
  };
}

export type SignalName = keyof Weights['signals'];

export const DEFAULT_WEIGHTS = Object.freeze({
  version: 1,
  flagAbove: 500_000,
  signals: {
    increment: { weight: 600_000, zero: 50, full: 200 },
    snipe: { weight: 250_000, zero: 60_000, full: 10_000 },
    velocity: { weight: 500_000, zero: 2, full: 6, windowMs: 10_000 },
    'self-raise': { weight: 550_000, zero: 1, full: 3 },
    'seller-affinity': { weight: 550_000, auctionsMin: 5 },
    'losing-ratio': { weight: 300_000, auctionsMin: 5, sharePercent: 20 },
    'new-account': {
      weight: 300_000,
      ageMs: 7 * 24 * 3_600_000,
      priceByCategory: {
        Antiques: 50_000,
        Art: 100_000,
        Electronics: 50_000,
        Jewelry: 100_000,
        Collectibles: 20_000,
        'Vintage Clothing': 15_000,
      },
      priceOtherwise: 50_000,
    },
  },
} as const) satisfies Weights;
