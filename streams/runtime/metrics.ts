/** The metrics hook, and what an open epoch has counted: handed on at the cut, dropped with the epoch. */

export type Labels = { readonly [label: string]: string };

/** Where measurements go, e.g. to prom-client. Names have no prefix; units are base units (seconds, bytes). */
export interface MetricsHook {
  count(name: string, labels: Labels, by: number): void;
  observe(name: string, value: number, labels: Labels): void;
  gauge(name: string, value: number, labels: Labels): void;
}

export const NO_METRICS: MetricsHook = Object.freeze({ count() {}, observe() {}, gauge() {} });
const NO_LABELS: Labels = Object.freeze({});

/** Counters are summed by name and identity of the labels, so hand in constant label objects on the record path. */
export class EpochMetrics {
  readonly #hook: MetricsHook;
  readonly #counts = new Map<string, Map<Labels, number>>();
  #observations: { readonly name: string; readonly value: number; readonly labels: Labels }[] = [];

  constructor(hook: MetricsHook) {
    this.#hook = hook;
  }

  count(name: string, labels: Labels = NO_LABELS, by = 1): void {
    let sums = this.#counts.get(name);
    if (sums === undefined) this.#counts.set(name, (sums = new Map()));
    sums.set(labels, (sums.get(labels) ?? 0) + by);
  }

  observe(name: string, value: number, labels: Labels = NO_LABELS): void {
    this.#observations.push({ name, value, labels });
  }

  /** Hands everything on. */
  cut(): void {
    for (const [name, sums] of this.#counts) {
      for (const [labels, by] of sums) this.#hook.count(name, labels, by);
      sums.clear();
    }
    for (const { name, value, labels } of this.#observations) this.#hook.observe(name, value, labels);
    this.#observations = [];
  }

  /** Forgets everything: the epoch will be run again. */
  rollback(): void {
    for (const sums of this.#counts.values()) sums.clear();
    this.#observations = [];
  }
}
