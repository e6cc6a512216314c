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

export const systemClock: Clock = Object.freeze({
  now: () => Date.now(),
  setTimer(delayMs: number, callback: () => void): Timer {
    const handle = setTimeout(callback, delayMs);
    return { cancel: () => clearTimeout(handle) };
  },
});
