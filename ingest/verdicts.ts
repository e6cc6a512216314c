/** Counts what became of the bids of a run, from their verdicts. */

import type { LogRange, ReadLog } from './ports.ts';
import type { AuctionTopics } from '../topology/topics.ts';
import { decode } from './decode.ts';

/** Offsets of records by partition, as a bit each. */
export class InputOffsets {
  /** How many there are. */
  size = 0;
  readonly #firsts: readonly number[];
  readonly #bits: Uint8Array[];

  /** @param firsts the lowest offset of each partition */
  constructor(firsts: readonly number[]) {
    this.#firsts = firsts;
    this.#bits = firsts.map(() => new Uint8Array(1024));
  }

  add(partition: number, offset: number): void {
    const place = offset - (this.#firsts[partition] as number);
    let bits = this.#bits[partition] as Uint8Array;
    if (place >> 3 >= bits.length) {
      const larger = new Uint8Array(Math.max(bits.length * 2, (place >> 3) + 1));
      larger.set(bits);
      this.#bits[partition] = bits = larger;
    }
    const bit = 1 << (place & 7);
    if (((bits[place >> 3] as number) & bit) !== 0) return;
    bits[place >> 3] = (bits[place >> 3] as number) | bit;
    this.size++;
  }

  /** Takes an offset out; false where it is not there. */
  take(partition: number, offset: number): boolean {
    const place = offset - (this.#firsts[partition] as number);
    const bits = this.#bits[partition];
    if (bits === undefined || place < 0 || place >> 3 >= bits.length) return false;
    const bit = 1 << (place & 7);
    if (((bits[place >> 3] as number) & bit) === 0) return false;
    bits[place >> 3] = (bits[place >> 3] as number) & ~bit;
    this.size--;
    return true;
  }
}

export interface VerdictCounts {
  readonly accepted: number;
  readonly rejected: number;
  readonly duplicates: number;
  /** Rejected bids by reason, by name; only those that occurred. */
  readonly reasons: Readonly<Record<string, number>>;
}

/** Counts the verdicts of the inputs and takes these out; what is left then has no verdict within the ranges. */
export async function countVerdicts(
  inputs: InputOffsets,
  ranges: readonly LogRange[],
  { read, topics }: { readonly read: ReadLog; readonly topics: AuctionTopics },
): Promise<VerdictCounts> {
  const serdes = new Map([topics.validated, topics.flagged, topics.rejected].map(({ name, value }) => [name, value]));
  const outcomes = { ACCEPTED: 0, REJECTED: 0, DUPLICATE: 0 };
  const reasons = new Map<string, number>();
  for await (const { topic, value } of inputs.size === 0 ? [] : read(ranges)) {
    const serde = serdes.get(topic);
    if (serde === undefined || value === null) continue;
    const decoded = decode(serde, value);
    const verdict = decoded instanceof Promise ? await decoded : decoded;
    if (verdict.type !== 'BidVerdict' || verdict.input.topic !== topics.bids.name) continue;
    if (!inputs.take(verdict.input.partition, verdict.input.offset)) continue;
    outcomes[verdict.outcome]++;
    if (verdict.reason !== null) reasons.set(verdict.reason, (reasons.get(verdict.reason) ?? 0) + 1);
    if (inputs.size === 0) break;
  }
  return {
    accepted: outcomes.ACCEPTED,
    rejected: outcomes.REJECTED,
    duplicates: outcomes.DUPLICATE,
    reasons: Object.fromEntries([...reasons].sort(([a], [b]) => (a < b ? -1 : 1))),
  };
}
