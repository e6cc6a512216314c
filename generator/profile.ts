/** What a market looks like: its categories, auction lengths and currencies; one profile for files, one for live auctions. */

import type { Channel } from 'gavel/schemas';
import type { Weighted } from './random.ts';

const SECOND = 1000;
const MINUTE = 60 * SECOND;
const HOUR = 60 * MINUTE;
const DAY = 24 * HOUR;

export interface CategoryProfile extends Weighted {
  readonly name: string;
  /** Half of the start prices lie below it, in minor units of a currency with two decimals. */
  readonly medianStartPrice: number;
  /** Deviation of the logarithm of the start price. */
  readonly sigma: number;
  /** Words that titles are made of. */
  readonly things: readonly string[];
}

/** Auctions of `fromMs` up to `toMs`. */
export interface DurationProfile extends Weighted {
  readonly fromMs: number;
  readonly toMs: number;
}

export interface MarketProfile {
  readonly channel: Channel;
  readonly categories: readonly CategoryProfile[];
  readonly durations: readonly DurationProfile[];
  /** Currencies with two decimals. */
  readonly currencies: readonly (Weighted & { readonly code: string })[];
  /** Share of auctions with a reserve price. */
  readonly reserveShare: number;
  /** Share of auctions with a soft close. */
  readonly softCloseShare: number;
  /** Bids of an auction on average. */
  readonly bidsPerAuction: number;
}

const CATEGORIES: readonly CategoryProfile[] = [
  {
    name: 'Antiques',
    weight: 15,
    medianStartPrice: 80_00,
    sigma: 0.9,
    things: ['clock', 'cabinet', 'vase', 'mirror', 'globe'],
  },
  {
    name: 'Art',
    weight: 10,
    medianStartPrice: 150_00,
    sigma: 1.1,
    things: ['oil painting', 'etching', 'bronze', 'print', 'photograph'],
  },
  {
    name: 'Electronics',
    weight: 25,
    medianStartPrice: 60_00,
    sigma: 0.8,
    things: ['amplifier', 'camera', 'synthesizer', 'radio', 'console'],
  },
  {
    name: 'Jewelry',
    weight: 15,
    medianStartPrice: 120_00,
    sigma: 1,
    things: ['wristwatch', 'ring', 'brooch', 'necklace', 'pocket watch'],
  },
  {
    name: 'Collectibles',
    weight: 25,
    medianStartPrice: 25_00,
    sigma: 0.9,
    things: ['stamp album', 'coin', 'model train', 'poster', 'comic book'],
  },
  {
    name: 'Vintage Clothing',
    weight: 10,
    medianStartPrice: 30_00,
    sigma: 0.7,
    things: ['trench coat', 'silk scarf', 'evening dress', 'leather jacket', 'hat'],
  },
];

const CURRENCIES = [
  { code: 'USD', weight: 80 },
  { code: 'EUR', weight: 14 },
  { code: 'GBP', weight: 6 },
] as const;

/** Words before the thing in a title. */
export const TITLE_PREFIXES = ['Signed', 'Rare', 'Early', 'Restored', 'Fine', 'Original', 'Large', 'Small'] as const;

/** `house`: BATCH auctions of 2 hours to 7 days, for files. `live`: LIVE auctions of 30 s to 10 min, so that something always closes. */
export const MARKET_PROFILES = Object.freeze({
  house: {
    channel: 'BATCH',
    categories: CATEGORIES,
    durations: [
      { weight: 10, fromMs: 2 * HOUR, toMs: 2 * HOUR },
      { weight: 15, fromMs: 6 * HOUR, toMs: 12 * HOUR },
      { weight: 20, fromMs: DAY, toMs: DAY },
      { weight: 25, fromMs: 3 * DAY, toMs: 3 * DAY },
      { weight: 30, fromMs: 7 * DAY, toMs: 7 * DAY },
    ],
    currencies: CURRENCIES,
    reserveShare: 0.2,
    softCloseShare: 0,
    bidsPerAuction: 20,
  },
  live: {
    channel: 'LIVE',
    categories: CATEGORIES,
    durations: [
      { weight: 35, fromMs: 30 * SECOND, toMs: 60 * SECOND },
      { weight: 40, fromMs: 60 * SECOND, toMs: 3 * MINUTE },
      { weight: 25, fromMs: 3 * MINUTE, toMs: 10 * MINUTE },
    ],
    currencies: CURRENCIES,
    reserveShare: 0.2,
    softCloseShare: 0.05,
    bidsPerAuction: 20,
  },
} as const satisfies Readonly<Record<string, MarketProfile>>);
