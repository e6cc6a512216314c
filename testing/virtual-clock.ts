/** A clock that stands until a test moves it. */

import type { Clock, Timer } from '../streams/time.ts';

interface Pending {
  readonly at: number;
  readonly order: number;
  readonly callback: () => void;
}

export class VirtualClock implements Clock {
  #now: number;
  #order = 0;
  #timers: Pending[] = [];

  /** @param now milliseconds since the epoch to begin at */
  constructor(now: number) {
    this.#now = now;
  }

  now(): number {
    return this.#now;
  }

  setTimer(delayMs: number, callback: () => void): Timer {
    const timer = { at: this.#now + Math.max(0, delayMs), order: this.#order++, callback };
    this.#timers.push(timer);
    return { cancel: () => (this.#timers = this.#timers.filter((other) => other !== timer)) };
  }

  /** When the next timer fires; Infinity without one. */
  get nextTimer(): number {
    return this.#timers.reduce((next, { at }) => Math.min(next, at), Infinity);
  }

  /** Moves to `time`, firing what is due by then, in order. A callback may set further timers. */
  moveTo(time: number): void {
    for (;;) {
      const due = this.#timers.filter(({ at }) => at <= time).sort((a, b) => a.at - b.at || a.order - b.order)[0];
      if (due === undefined) break;
      this.#timers = this.#timers.filter((other) => other !== due);
      this.#now = Math.max(this.#now, due.at);
      due.callback();
    }
    this.#now = Math.max(this.#now, time);
  }
}
