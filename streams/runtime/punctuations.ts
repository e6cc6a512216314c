/** Punctuation schedules of one task (semantics 23). */

import type { Cancellable, Punctuation } from '../processor.ts';

interface Scheduled {
  readonly punctuation: Punctuation;
  /** Time from which it is due. */
  next: number;
  /** The same when the open epoch began. */
  nextAtCut: number;
}

export class Punctuations {
  #scheduled: readonly Scheduled[] = [];
  /** The same when the open epoch began. */
  #atCut: readonly Scheduled[] = [];

  /** @param now wall clock in ms */
  schedule(punctuation: Punctuation, now: number): Cancellable {
    const next = punctuation.kind === 'stream' ? 0 : now + punctuation.intervalMs;
    const scheduled = { punctuation, next, nextAtCut: next };
    this.#scheduled = [...this.#scheduled, scheduled];
    return { cancel: () => void (this.#scheduled = this.#scheduled.filter((other) => other !== scheduled)) };
  }

  /**
   * Runs what is due at `time`, each once; a gap of many intervals gives one call, then aligned multiples.
   * @param takePending gets the promises of those that wait
   */
  run(kind: Punctuation['kind'], time: number, takePending: (pending: Promise<void>) => void): void {
    // What a punctuation schedules has its turn at the next record or loop.
    for (const scheduled of this.#scheduled) {
      const { punctuation, next } = scheduled;
      if (punctuation.kind !== kind || time < next || !this.#scheduled.includes(scheduled)) continue;
      const { intervalMs } = punctuation;
      scheduled.next = next + (Math.floor((time - next) / intervalMs) + 1) * intervalMs;
      const pending = punctuation.run(time);
      if (pending !== undefined) takePending(pending);
    }
  }

  /** When the next punctuation of the kind is due; Infinity without one. */
  next(kind: Punctuation['kind']): number {
    let next = Infinity;
    for (const { punctuation, next: at } of this.#scheduled) if (punctuation.kind === kind && at < next) next = at;
    return next;
  }

  cut(): void {
    this.#atCut = this.#scheduled;
    for (const scheduled of this.#scheduled) scheduled.nextAtCut = scheduled.next;
  }

  rollback(): void {
    this.#scheduled = this.#atCut;
    for (const scheduled of this.#scheduled) scheduled.next = scheduled.nextAtCut;
  }
}
