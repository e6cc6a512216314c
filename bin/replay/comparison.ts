/**
 * Compares what a shadow wrote to one partition of an output with what the first run wrote there: record by record,
 * matched by what they stand for, so that the logs may differ in order. Fed from both in any interleaving.
 */

export interface ComparedRecord {
  readonly key: string;
  /** Same in both logs for records that stand for the same event, e.g. the verdict on offset 17. The n-th of one log answers to the n-th of the other. */
  readonly identity: string;
  /** Everything that must be equal, as text. */
  readonly content: string;
}

export type Side = 'original' | 'shadow';

export interface Difference {
  readonly kind: 'missing' | 'extra' | 'differing';
  readonly identity: string;
  readonly original: string | null;
  readonly shadow: string | null;
}

export interface ComparisonResult {
  /** Records that answer to each other, equal or not. */
  readonly compared: number;
  /** In the first run only. */
  readonly missing: number;
  /** In the shadow only. */
  readonly extra: number;
  readonly differing: number;
  /** The first of them. */
  readonly differences: readonly Difference[];
}

/** Differences that are told in full; all are counted. */
const TOLD_MAX = 20;

export interface ComparisonOptions {
  /** The log keeps only the latest record of each key, sooner or later: remember those. Default false. */
  readonly compacted?: boolean;
}

export class LogComparison {
  readonly #compacted: boolean;
  readonly #tally = new Tally();
  /** Records that wait for their answer from the other side, oldest first. */
  readonly #waiting = { original: new Map<string, string[]>(), shadow: new Map<string, string[]>() };
  readonly #latest = { original: new Map<string, ComparedRecord>(), shadow: new Map<string, ComparedRecord>() };
  #compactionSeen = false;

  constructor({ compacted = false }: ComparisonOptions = {}) {
    this.#compacted = compacted;
  }

  add(side: Side, record: ComparedRecord): void {
    if (this.#compacted) this.#latest[side].set(record.key, record);
    const { identity, content } = record;
    const other = this.#waiting[side === 'original' ? 'shadow' : 'original'];
    const answers = other.get(identity);
    const answer = answers?.shift();
    if (answer === undefined) {
      const waiting = this.#waiting[side].get(identity);
      if (waiting === undefined) this.#waiting[side].set(identity, [content]);
      else waiting.push(content);
      return;
    }
    if (answers?.length === 0) other.delete(identity);
    if (side === 'original') this.#tally.pair(identity, content, answer);
    else this.#tally.pair(identity, answer, content);
  }

  /** Tells that one of the logs has gaps: only its latest records are still there. */
  compactionSeen(): void {
    this.#compactionSeen = true;
  }

  /** What has no answer by now will get none. Where compaction has begun only the valid record of each key is compared. */
  result(): ComparisonResult {
    if (this.#compacted && this.#compactionSeen) return this.#compareLatest();
    for (const [identity, contents] of this.#waiting.original) {
      for (const content of contents) this.#tally.pair(identity, content, null);
    }
    for (const [identity, contents] of this.#waiting.shadow) {
      for (const content of contents) this.#tally.pair(identity, null, content);
    }
    return this.#tally;
  }

  #compareLatest(): ComparisonResult {
    const tally = new Tally();
    const { original, shadow } = this.#latest;
    for (const [key, record] of original) {
      tally.pair(record.identity, record.content, shadow.get(key)?.content ?? null);
    }
    for (const [key, record] of shadow) if (!original.has(key)) tally.pair(record.identity, null, record.content);
    return tally;
  }
}

class Tally implements ComparisonResult {
  compared = 0;
  missing = 0;
  extra = 0;
  differing = 0;
  readonly differences: Difference[] = [];

  pair(identity: string, original: string | null, shadow: string | null): void {
    if (original !== null && shadow !== null) this.compared += 1;
    if (original === shadow) return;
    const kind = shadow === null ? 'missing' : original === null ? 'extra' : 'differing';
    this[kind] += 1;
    if (this.differences.length < TOLD_MAX) this.differences.push({ kind, identity, original, shadow });
  }
}

/** The sum over partitions and topics. */
export function sumResults(results: readonly ComparisonResult[]): ComparisonResult {
  const sum = { compared: 0, missing: 0, extra: 0, differing: 0, differences: [] as Difference[] };
  for (const result of results) {
    sum.compared += result.compared;
    sum.missing += result.missing;
    sum.extra += result.extra;
    sum.differing += result.differing;
    sum.differences.push(...result.differences.slice(0, TOLD_MAX - sum.differences.length));
  }
  return sum;
}
