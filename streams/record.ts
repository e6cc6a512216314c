/** What a processor sees: one immutable record with the place it came from. */

export interface Header {
  readonly key: string;
  readonly value: Buffer | null;
}

export const NO_HEADERS: readonly Header[] = Object.freeze([]);

export interface StreamRecord<K, V> {
  readonly key: K;
  readonly value: V;
  /** Milliseconds since the epoch. */
  readonly timestamp: number;
  readonly headers: readonly Header[];
  /** Where the input record that led to this one stands. */
  readonly topic: string;
  readonly partition: number;
  readonly offset: number;
}

/** Marks a clock record: null key, null value, this header. Processors never see one. */
export const CLOCK_HEADER = 'gavel-clock';
