/** Where each file began and ended in the logs: the journal together with the logs' ends. */

import type { Broker, TopicPartition } from 'gavel/streams';
import type { Journal, JournalEntries, LogRange, NotedOffsets } from './ports.ts';

/** Topics that a file leaves traces in. */
export interface FileTraces {
  readonly file: string;
  readonly topics: readonly string[];
}

export class Notes {
  readonly #broker: Broker;
  readonly #journal: Journal;
  readonly #partitions: number;
  #entries: JournalEntries;

  private constructor(broker: Broker, journal: Journal, partitions: number, entries: JournalEntries) {
    this.#broker = broker;
    this.#journal = journal;
    this.#partitions = partitions;
    this.#entries = entries;
  }

  /**
   * Notes the ends of the logs for the files that are new, before anything of them is sent. Where there is no journal
   * at all, such a file may have been sent nevertheless, and counts from the beginning of the logs.
   */
  static async open(options: {
    readonly broker: Broker;
    readonly journal: Journal;
    /** Of every topic. */
    readonly partitions: number;
    readonly traces: readonly FileTraces[];
  }): Promise<Notes> {
    const { broker, journal, partitions, traces } = options;
    const known = await journal.load();
    const notes = new Notes(broker, journal, partitions, known ?? {});
    await notes.#begin(traces, known === null ? 'earliest' : 'latest');
    return notes;
  }

  of(file: string, topic: string): NotedOffsets {
    const noted = this.#entries[file]?.[topic];
    if (noted === undefined) throw new RangeError(`nothing is noted of ${file} in ${topic}`);
    return noted;
  }

  /** Where in the topic everything of the files stands: up to the log's end while one of them is not done. */
  async rangesOf(topic: string, files: readonly string[]): Promise<readonly LogRange[]> {
    if (files.length === 0) return [];
    const noted = files.map((file) => this.of(file, topic));
    const starts = await this.offsets(topic, 'earliest');
    const ends = noted.some(({ to }) => to === null) ? await this.offsets(topic, 'latest') : null;
    return starts.map((start, partition) => ({
      topic,
      partition,
      from: Math.max(start, Math.min(...noted.map(({ from }) => from[partition] as number))),
      to: ends?.[partition] ?? Math.max(...noted.map(({ to }) => to?.[partition] ?? 0)),
    }));
  }

  /** Whether all of the file, and all that follows from it, stands in the topic. */
  isDone(file: string, topic: string): boolean {
    return this.of(file, topic).to !== null;
  }

  /** Notes that everything of these files is done. */
  async finish(traces: readonly FileTraces[]): Promise<void> {
    await this.#note(traces, 'latest', (noted = { from: [], to: null }, to) => ({ ...noted, to: noted.to ?? to }));
  }

  /** Offsets by partition. */
  async offsets(topic: string, at: 'earliest' | 'latest'): Promise<readonly number[]> {
    const listed = await this.#broker.listOffsets(this.partitionsOf(topic), at);
    return listed.toSorted((a, b) => a.partition - b.partition).map(({ offset }) => offset);
  }

  partitionsOf(topic: string): readonly TopicPartition[] {
    return Array.from({ length: this.#partitions }, (_, partition) => ({ topic, partition }));
  }

  #begin(traces: readonly FileTraces[], at: 'earliest' | 'latest'): Promise<void> {
    return this.#note(traces, at, (noted, from) => noted ?? { from, to: null });
  }

  /** One save for all files: either all of it is noted or nothing. */
  async #note(
    traces: readonly FileTraces[],
    at: 'earliest' | 'latest',
    next: (noted: NotedOffsets | undefined, offsets: readonly number[]) => NotedOffsets,
  ): Promise<void> {
    const topics = [...new Set(traces.flatMap((trace) => trace.topics))];
    const listed = await Promise.all(topics.map(async (topic) => [topic, await this.offsets(topic, at)] as const));
    const offsets = new Map(listed);
    const entries: Record<string, Record<string, NotedOffsets>> = {};
    for (const [file, noted] of Object.entries(this.#entries)) entries[file] = { ...noted };
    for (const trace of traces) {
      const noted = (entries[trace.file] ??= {});
      for (const topic of trace.topics) noted[topic] = next(noted[topic], offsets.get(topic) as readonly number[]);
    }
    if (JSON.stringify(entries) === JSON.stringify(this.#entries)) return;
    await this.#journal.save(entries);
    this.#entries = entries;
  }
}
