/** The port to the wall clock; the test driver hands in a virtual one. */

/** A timer that was set; cancelling a timer that has fired does nothing. */
export interface Timer {
  cancel(): void;
}

export interface Clock {
  /** Milliseconds since the epoch. */
  now(): number;
  /** Calls `callback` once when `delayMs` have passed. */
  setTimer(delayMs: number, callback: () => void): Timer;
}

/** Node's timers hold no more milliseconds, 24.8 days: a longer delay would end at once. */
const DELAY_MAX = 2 ** 31 - 1;

export const systemClock: Clock = Object.freeze({
  now: () => Date.now(),
  setTimer(delayMs: number, callback: () => void): Timer {
    let handle: NodeJS.Timeout;
    const wait = (left: number): void => {
      if (left <= DELAY_MAX) handle = setTimeout(callback, left);
      else handle = setTimeout(() => wait(left - DELAY_MAX), DELAY_MAX);
    };
    wait(delayMs);
    return { cancel: () => clearTimeout(handle) };
  },
});
