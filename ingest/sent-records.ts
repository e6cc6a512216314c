/** Finds in the logs what was sent, and sends the rest. */

import type { Clock, ProducedOffset } from 'gavel/streams';
import type { LogEntry, LogRange, ReadLog, RecordSender } from './ports.ts';
import { FILE_HEADER, LINE_HEADER, type RawRecord, type Shipment } from './shipment.ts';

/** What a record takes beside its value, roughly: two headers and its key. */
const RECORD_OVERHEAD_BYTES = 120;

/** A record in a log that comes from a line of a file. */
export interface SentLine {
  readonly file: string;
  readonly line: number;
  readonly entry: LogEntry;
}

/** The records of these files within the ranges. */
export async function* sentLines(
  read: ReadLog,
  ranges: readonly LogRange[],
  files: readonly string[],
): AsyncGenerator<SentLine> {
  const known = new Map(files.map((file) => [file, Buffer.from(file)]));
  for await (const entry of read(ranges.filter(({ from, to }) => from < to))) {
    const id = entry.headers.find(({ key }) => key === FILE_HEADER)?.value;
    if (id === undefined || id === null) continue;
    const file = id.toString();
    if (!known.has(file)) continue;
    const line = Number(entry.headers.find(({ key }) => key === LINE_HEADER)?.value);
    yield { file, line, entry };
  }
}

/** How far a shipment has been sent, by file and partition. */
export class SentRanks {
  readonly #shipment: Shipment;
  /** Rank of the last record that was sent, by file and partition; -1 for none. */
  readonly #last: Float64Array;
  #ranks: ReadonlyMap<string, ReadonlyMap<number, number>> | undefined;

  constructor(shipment: Shipment) {
    this.#shipment = shipment;
    this.#last = new Float64Array(shipment.files.length * shipment.topic.partitions).fill(-1);
  }

  /** This line stands in the log: so does everything before it of the same file and partition. */
  found({ file, line, entry: { partition } }: SentLine): void {
    const rank = this.#ranksOf(file).get(line);
    if (rank === undefined) return;
    const slot = this.#slot(this.#shipment.files.indexOf(file), partition);
    this.#last[slot] = Math.max(this.#last[slot] as number, rank);
  }

  /** All of the file stands in the log. */
  foundAll(file: string): void {
    const { files, topic } = this.#shipment;
    for (let p = 0; p < topic.partitions; p++) this.#last[this.#slot(files.indexOf(file), p)] = Infinity;
  }

  isSent(rank: number): boolean {
    const slot = this.#slot(this.#shipment.fileAt(rank), this.#shipment.partitionAt(rank));
    return rank <= (this.#last[slot] as number);
  }

  #slot(file: number, partition: number): number {
    return file * this.#shipment.topic.partitions + partition;
  }

  /** Made only where something was found. */
  #ranksOf(file: string): ReadonlyMap<number, number> {
    this.#ranks ??= ranksByLine(this.#shipment);
    return this.#ranks.get(file) as ReadonlyMap<number, number>;
  }
}

function ranksByLine(shipment: Shipment): ReadonlyMap<string, ReadonlyMap<number, number>> {
  const ranks = shipment.files.map(() => new Map<number, number>());
  for (let rank = 0; rank < shipment.size; rank++) {
    ranks[shipment.fileAt(rank)]?.set(shipment.lineAt(rank), rank);
  }
  return new Map(shipment.files.map((file, i) => [file, ranks[i] as Map<number, number>]));
}

export interface SendOptions {
  readonly sender: RecordSender;
  readonly clock: Clock;
  readonly signal: AbortSignal | undefined;
  readonly sendBytes: number;
  /** After each send. */
  readonly onSent: (produced: readonly ProducedOffset[], records: number) => void;
}

/** Sends what was not sent yet, in the order of the ranks; one send at a time, so no later record can land before an earlier one. */
export async function sendRest(shipment: Shipment, sent: SentRanks, options: SendOptions): Promise<void> {
  const { sender, clock, signal, sendBytes, onSent } = options;
  let chunk: RawRecord[] = [];
  let bytes = 0;
  let flight: Promise<readonly ProducedOffset[]> | undefined;
  let inFlight = 0;
  const land = async (): Promise<void> => {
    if (flight === undefined) return;
    const produced = await flight;
    flight = undefined;
    onSent(produced, inFlight);
    signal?.throwIfAborted();
  };
  const launch = async (): Promise<void> => {
    await land();
    flight = sender.send(shipment.topic, chunk);
    inFlight = chunk.length;
    chunk = [];
    bytes = 0;
  };
  signal?.throwIfAborted();
  for (let rank = 0; rank < shipment.size; rank++) {
    if (sent.isSent(rank)) continue;
    const record = shipment.recordAt(rank, clock.now());
    chunk.push(record);
    bytes += (record.value?.length ?? 0) + RECORD_OVERHEAD_BYTES;
    if (bytes >= sendBytes) await launch();
  }
  if (chunk.length > 0) await launch();
  await land();
}
