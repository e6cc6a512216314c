/** The system's clock: timers end when their time has passed, however long that is. */

import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { systemClock } from 'gavel/streams';

const DAY_MS = 24 * 3_600_000;

beforeEach(() => {
  vi.useFakeTimers();
});

afterEach(() => {
  vi.useRealTimers();
});

test('a timer fires once, when its delay has passed', () => {
  const callback = vi.fn();
  systemClock.setTimer(50, callback);
  vi.advanceTimersByTime(49);
  expect(callback).not.toHaveBeenCalled();
  vi.advanceTimersByTime(1_000);
  expect(callback).toHaveBeenCalledTimes(1);
});

test('a timer of 90 days, more than Node counts, fires after 90 days and not at once', () => {
  const callback = vi.fn();
  systemClock.setTimer(90 * DAY_MS, callback);
  vi.advanceTimersByTime(90 * DAY_MS - 1);
  expect(callback).not.toHaveBeenCalled();
  vi.advanceTimersByTime(1);
  expect(callback).toHaveBeenCalledTimes(1);
});

test('a long timer can be cancelled at any time', () => {
  const callback = vi.fn();
  const timer = systemClock.setTimer(90 * DAY_MS, callback);
  vi.advanceTimersByTime(60 * DAY_MS);
  timer.cancel();
  vi.advanceTimersByTime(60 * DAY_MS);
  expect(callback).not.toHaveBeenCalled();
});
