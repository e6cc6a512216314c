/** Reading batches of the embedded log from the disk, each one checked; and what to say where one is damaged. */

import type { LogRead } from '../log-fetcher.ts';
import type { Level } from './databases.ts';
import type { BatchPlace } from './keys.ts';
import type { LogIndex } from './log-index.ts';
import type { Partition } from './partition.ts';
import { GavelError, toGavelError } from '../../streams/errors.ts';
import { BatchReader, readHeader, verifyBatch } from '../../streams/record-batch/index.ts';
import { logKey } from './keys.ts';

/** A batch and where it stands. */
export interface StoredBatch {
  readonly place: BatchPlace;
  readonly bytes: Buffer;
}

/** Offsets from `from` on, below `to`. */
export interface OffsetRange {
  readonly from: number;
  readonly to: number;
}

/** Look-ups of a batch that compaction replaces at the same time, again and again. */
const ATTEMPTS_MAX = 5;

export class LogReader {
  readonly #log: Level;
  readonly #index: LogIndex;

  constructor(log: Level, index: LogIndex) {
    this.#log = log;
    this.#index = index;
  }

  /**
   * Batches from the one that holds `from` on, until about `maxBytes`, at least one; empty where there is none.
   * @throws GavelError `LOG_CORRUPT` where the first of them is damaged
   */
  async read(partition: Partition, range: OffsetRange, maxBytes: number): Promise<StoredBatch[]> {
    for (let attempt = 1; ; attempt++) {
      const places = within(await this.#index.places(partition, range.from, range.to), maxBytes);
      const batches = await this.#get(partition, places);
      const stored: StoredBatch[] = [];
      for (const [i, place] of places.entries()) {
        const bytes = batches[i];
        const damage = damageOf(bytes, place);
        if (damage === undefined) stored.push({ place, bytes: bytes as Buffer });
        else if (stored.length > 0) return stored;
        else if (bytes !== undefined || attempt === ATTEMPTS_MAX) {
          throw await this.#corrupt(partition, { from: range.from, last: place.last }, damage);
        } else break;
      }
      if (stored.length === places.length) return stored;
      await this.#index.flush(); // compaction has replaced it since
    }
  }

  /** The same as the answer to a fetch below the tail, which holds what the index does not have yet. */
  async fetch(partition: Partition, offset: number, maxBytes: number): Promise<LogRead> {
    const { end, tail } = partition;
    const tailFrom = tail.from;
    const stored = await this.read(partition, { from: offset, to: end }, maxBytes);
    const last = stored.at(-1);
    const position = last === undefined ? tailFrom : last.place.last + 1;
    return { batches: stored.map(({ bytes }) => bytes), position, lastStableOffset: partition.end };
  }

  /** The first offset with a record time ≥ `time`, else the end. */
  async offsetAt(partition: Partition, time: number): Promise<number> {
    const { start, end } = partition;
    await this.#index.flush();
    for (let from = start; from < end;) {
      const places = await this.#index.places(partition, from, end);
      const found = places.find(({ maxTimestamp }) => maxTimestamp >= time);
      if (found !== undefined) {
        const offset = await this.#offsetWithin(partition, { from: Math.max(from, start), to: found.last + 1 }, time);
        if (offset !== undefined) return offset;
      }
      from = (found?.last ?? places.at(-1)?.last ?? end) + 1;
    }
    return end;
  }

  async #offsetWithin(partition: Partition, range: OffsetRange, time: number): Promise<number | undefined> {
    const reader = new BatchReader();
    for (const { bytes } of await this.read(partition, { from: range.to - 1, to: range.to }, 0)) {
      reader.open(bytes);
      while (reader.next()) if (reader.timestamp >= time && reader.offset >= range.from) return reader.offset;
    }
    return undefined;
  }

  #get(partition: Partition, places: readonly BatchPlace[]): Promise<(Buffer | undefined)[]> {
    const keys = places.map(({ sequence }) => logKey(sequence, partition.topic.number, partition.index));
    return this.#log.getMany(keys, { fillCache: false });
  }

  /** Tells where the damage is and where whole batches go on. */
  async #corrupt(partition: Partition, at: { readonly from: number; readonly last: number }, damage: GavelError) {
    const next = await this.#nextWhole(partition, at.last + 1);
    const rest = next < partition.end ? `and from ${next} on are whole` : 'are whole, none behind is';
    return new GavelError(
      'LOG_CORRUPT',
      `the log of ${partition.name} is damaged at the offsets ${at.from} to ${at.last}: ${damage.message}; those below ${at.from} ${rest}`,
      {
        cause: damage,
        hint: `Restore the data directory from a backup, or give the records of ${partition.name} below ${next} up with deleteRecords.`,
      },
    );
  }

  /** The first offset from `from` on where a batch is whole, else the end. */
  async #nextWhole(partition: Partition, from: number): Promise<number> {
    const [place] = await this.#index.places(partition, from, partition.end);
    if (place === undefined) return partition.end;
    const [bytes] = await this.#get(partition, [place]);
    return damageOf(bytes, place) === undefined ? from : this.#nextWhole(partition, place.last + 1);
  }
}

/** As many places as fit, at least one. */
function within(places: readonly BatchPlace[], maxBytes: number): BatchPlace[] {
  let bytes = 0;
  const over = places.findIndex((place, i) => (bytes += place.bytes) > maxBytes && i > 0);
  return over === -1 ? [...places] : places.slice(0, over);
}

/** What is wrong with a stored batch, undefined where it is whole. */
function damageOf(bytes: Buffer | undefined, place: BatchPlace): GavelError | undefined {
  if (bytes === undefined) return new GavelError('BATCH_CORRUPT', 'it is missing');
  try {
    verifyBatch(bytes);
    if (readHeader(bytes).lastOffset === place.last) return undefined;
    return new GavelError('BATCH_CORRUPT', 'it belongs elsewhere');
  } catch (error) {
    return toGavelError(error, 'BATCH_CORRUPT', 'it cannot be read');
  }
}
