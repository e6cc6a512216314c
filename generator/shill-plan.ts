/** What the shills of one auction intend: bursts of bids, some of them late jumps. */

import { between, integerBelow, type Random } from './random.ts';
import { timeOfShare, windowScale, type AuctionPeriod } from './timing.ts';
import type { Colluder } from './population.ts';

/** One intended bid of a shill; what comes of it depends on the price at its time. */
export interface ShillMove {
  readonly at: number;
  /** The account's user number. */
  readonly user: number;
  /** Whether it should lift the price far at once. */
  readonly jump: boolean;
}

interface Burst {
  readonly moves: number;
  readonly gapMs: number;
}

/** Shares of an auction's bids: shills begin early, come back at any time, and leave the last minute to honest bidders. */
const EARLY_SHARE = 0.3;
const LATE_SHARE = 0.51;
const LAST_MINUTE_SHARE = 0.68;
const LAST_MINUTE_MS = 60_000;

/** The moves in order of time, at most `movesMax`. */
export function planShills(
  colluder: Colluder,
  period: AuctionPeriod,
  movesMax: number,
  random: Random,
): readonly ShillMove[] {
  const moves: ShillMove[] = [];
  const bursts = 2 + integerBelow(random, 2);
  for (let i = 0; i < bursts; i++) {
    const [from, to] = burstWindow(i, bursts, random);
    const startsAt = timeOfShare(period, between(random, from, to));
    const jumps = colluder.kind === 'ring';
    addBurst(moves, colluder, { startsAt, until: honestFrom(period), jumps, ...drawBurst(colluder, random) });
  }
  return moves.slice(0, movesMax).sort((a, b) => a.at - b.at);
}

function burstWindow(burst: number, bursts: number, random: Random): readonly [from: number, to: number] {
  if (burst === 0 && bursts > 1) return [0, EARLY_SHARE];
  const late = burst === bursts - 1 && random() < 0.6;
  return [late ? LATE_SHARE : 0, LAST_MINUTE_SHARE];
}

/** A single account types its raises, accomplices answer each other at once. */
function drawBurst({ kind, shills }: Colluder, random: Random): Burst {
  switch (kind) {
    case 'self-raising':
      return { moves: 6 + integerBelow(random, 4), gapMs: between(random, 2_000, 20_000) };
    case 'alternating-pair':
      return { moves: 8 + integerBelow(random, 5), gapMs: between(random, 600, 1_800) };
    case 'ring':
      return { moves: shills.length * (1 + integerBelow(random, 2)), gapMs: between(random, 800, 4_000) };
  }
}

function addBurst(
  moves: ShillMove[],
  { shills }: Colluder,
  burst: Burst & { readonly startsAt: number; readonly until: number; readonly jumps: boolean },
): void {
  const room = Math.max(0, burst.until - burst.startsAt);
  const gapMs = Math.min(burst.gapMs, room / burst.moves);
  for (let i = 0; i < burst.moves; i++) {
    moves.push({
      at: Math.floor(burst.startsAt + i * gapMs),
      user: shills[i % shills.length] as number,
      jump: burst.jumps && i === burst.moves - 1,
    });
  }
}

function honestFrom(period: AuctionPeriod): number {
  return period.endsAt - LAST_MINUTE_MS * windowScale(period);
}
