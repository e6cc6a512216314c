/** The flags that say how a simulated market goes wrong, for files and live. */

import type { FaultShares } from '../generator/faults.ts';
import type { OptionValues } from './command.ts';
import { parseShare } from './values.ts';

export const MARKET_OPTIONS = {
  seed: { flag: '--seed <text>', summary: 'the same seed gives the same market', default: '1' },
  shills: { flag: '--shills <share>', summary: 'share of auctions with shills', default: '0.03' },
  late: { flag: '--late <share>', summary: 'share of bids after the end', default: '0' },
  outOfOrder: { flag: '--out-of-order <share>', summary: 'share of bids behind later ones', default: '0' },
  duplicates: { flag: '--duplicates <share>', summary: 'share of bids that come twice', default: '0' },
  malformed: { flag: '--malformed <share>', summary: 'share of bids that cannot be read', default: '0' },
} as const;

/** @throws GavelError `OPTION_INVALID` */
export function marketOptions(options: OptionValues<typeof MARKET_OPTIONS>): {
  readonly seed: string;
  readonly shills: number;
  readonly faults: FaultShares;
} {
  return {
    seed: options.seed,
    shills: parseShare(options.shills, '--shills'),
    faults: {
      late: parseShare(options.late, '--late'),
      outOfOrder: parseShare(options.outOfOrder, '--out-of-order'),
      duplicate: parseShare(options.duplicates, '--duplicates'),
      malformed: parseShare(options.malformed, '--malformed'),
    },
  };
}
