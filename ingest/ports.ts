/** What the loader needs from outside, beside the broker itself. */

import type { Header, ProducedOffset, Topic } from 'gavel/streams';

/** A file to be loaded, wherever it lies. */
export interface FileSource {
  /** For messages and dead letters. */
  readonly name: string;
  /** The bytes as they are stored, each time from the first one. Fails with a GavelError `INPUT_INVALID` where there is no such file. */
  open(): AsyncIterable<Uint8Array>;
}

export interface LogRange {
  readonly topic: string;
  readonly partition: number;
  /** First offset. */
  readonly from: number;
  /** End, exclusive. */
  readonly to: number;
}

export interface LogEntry {
  readonly topic: string;
  readonly partition: number;
  readonly offset: number;
  readonly key: Buffer | null;
  readonly value: Buffer | null;
  readonly headers: readonly Header[];
}

/** Reads ranges of logs to their ends, each partition in its order. */
export type ReadLog = (ranges: readonly LogRange[]) => AsyncIterable<LogEntry>;

export interface OutgoingRecord<K, V> {
  readonly key: K | null;
  readonly value: V | null;
  /** Milliseconds since the epoch. */
  readonly timestamp: number;
  readonly headers: readonly Header[];
  /** Default by the key. */
  readonly partition?: number;
}

/** Appends records; answers when they are in the log. Those of one partition keep their order. */
export interface RecordSender {
  send<K, V>(topic: Topic<K, V>, records: readonly OutgoingRecord<K, V>[]): Promise<readonly ProducedOffset[]>;
}

/** Offsets of one topic, by partition. */
export interface NotedOffsets {
  /** Where the log ended before the first record of the file was sent. */
  readonly from: readonly number[];
  /** Where it ended when all of them, and what followed from them, were there; null until then. */
  readonly to: readonly number[] | null;
}

/** By file (its SHA-256), then by topic. */
export type JournalEntries = Readonly<Record<string, Readonly<Record<string, NotedOffsets>>>>;

/** Remembers which files were begun, and where. */
export interface Journal {
  /** Null where nothing was ever noted: then any file may stand in the log already. */
  load(): Promise<JournalEntries | null>;
  /** Replaces everything at once, and for good before it answers. */
  save(entries: JournalEntries): Promise<void>;
}
