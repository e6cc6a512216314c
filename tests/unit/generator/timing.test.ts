import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { TimingStats, sharesBeside, timeOfShare, windowScale } from '../../../generator/timing.ts';

const HOUR_MS = 3_600_000;
const MINUTE_MS = 60_000;
const twoHours = { startsAt: 0, endsAt: 2 * HOUR_MS };

describe('timeOfShare', () => {
  it('puts the shares of the table at the bounds of its windows', () => {
    expect(timeOfShare(twoHours, 0)).toBe(0);
    expect(timeOfShare(twoHours, 0.43)).toBe(HOUR_MS);
    expect(timeOfShare(twoHours, 0.51)).toBe(2 * HOUR_MS - 5 * MINUTE_MS);
    expect(timeOfShare(twoHours, 0.6800001)).toBe(2 * HOUR_MS - MINUTE_MS);
    expect(timeOfShare(twoHours, 0.9999999)).toBe(2 * HOUR_MS - 1);
  });

  it('scales the windows of a shorter auction', () => {
    const minute = { startsAt: 1000, endsAt: 1000 + MINUTE_MS };
    expect(windowScale(minute)).toBeCloseTo(1 / 120);
    expect(timeOfShare(minute, 0.43)).toBe(1000 + MINUTE_MS / 2);
    expect(timeOfShare(minute, 0.68001)).toBe(1000 + MINUTE_MS - 500);
  });

  it('never falls, and stays inside of the auction', () => {
    const share = fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true });
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 10 * HOUR_MS }), share, share, (durationMs, a, b) => {
        const period = { startsAt: 5, endsAt: 5 + durationMs };
        const [early, late] = [timeOfShare(period, Math.min(a, b)), timeOfShare(period, Math.max(a, b))];
        expect(early).toBeGreaterThanOrEqual(5);
        expect(late).toBeLessThan(5 + durationMs);
        expect(early).toBeLessThanOrEqual(late);
      }),
    );
  });
});

describe('sharesBeside', () => {
  it('leaves to the others what is missing in each window', () => {
    const taken = Array.from({ length: 43 }, (_, i) => i);
    expect(sharesBeside(twoHours, taken, 100)).toEqual([0, 8 / 57, 17 / 57, 32 / 57]);
  });

  it('is the table where all bids are taken', () => {
    expect(sharesBeside(twoHours, [1, 2], 0)).toEqual([0.43, 0.08, 0.17, 0.32]);
  });
});

describe('TimingStats', () => {
  it('counts by window and leaves out what is not in time', () => {
    const stats = new TimingStats();
    for (const at of [0, HOUR_MS, 2 * HOUR_MS - 5 * MINUTE_MS, 2 * HOUR_MS - MINUTE_MS, 2 * HOUR_MS, -1]) {
      stats.add(twoHours, at);
    }
    expect(stats.shares()).toEqual({
      lastMinute: 0.25,
      minutes1to5: 0.25,
      minutes5to60: 0.25,
      earlier: 0.25,
      bids: 4,
    });
  });

  it('is zero without bids', () => {
    expect(new TimingStats().shares()).toMatchObject({ lastMinute: 0, bids: 0 });
  });
});
