/** Lines that are no records, on their way to the dead letters of the topic that they were meant for. */

import { DEAD_LETTER_HEADERS, deadLetterTopicName, type Header, type TopicSpec } from 'gavel/streams';
import type { LineFault } from './columns.ts';
import { FILE_HEADER, LINE_HEADER, rawTopic, type RawRecord, type RawTopic, type Shipment } from './shipment.ts';

/** Header key of the file's name. */
export const FILE_NAME_HEADER = 'gavel-file-name';
/** The stage that dead letters of the loader name. */
export const INGEST_STAGE = 'ingest';

interface Letter {
  /** Number of the file. */
  readonly file: number;
  readonly line: number;
  readonly fault: LineFault;
  readonly bytes: Buffer;
}

/** Lines that are no records, as they stand in their files. */
export class DeadLetters implements Shipment {
  readonly topic: RawTopic;
  readonly files: string[] = [];
  readonly #source: TopicSpec;
  readonly #names: string[] = [];
  readonly #letters: Letter[] = [];

  /** @param source the topic that the lines were meant for */
  constructor(source: TopicSpec) {
    this.#source = source;
    const config = { ...source.config, cleanup: 'delete', retentionMs: -1, timestampType: 'create' } as const;
    this.topic = rawTopic({ name: deadLetterTopicName(source.name), partitions: source.partitions, config });
  }

  get size(): number {
    return this.#letters.length;
  }

  beginFile(name: string): void {
    this.files.push('');
    this.#names.push(name);
  }

  nameFile(id: string): void {
    this.files[this.files.length - 1] = id;
  }

  add(line: number, fault: LineFault, bytes: Buffer): void {
    this.#letters.push({ file: this.files.length - 1, line, fault, bytes: Buffer.from(bytes) });
  }

  /** Takes the letters of the last file back: it is read again. */
  restartFile(): void {
    const file = this.files.length - 1;
    while (this.#letters.at(-1)?.file === file) this.#letters.pop();
  }

  fileAt(rank: number): number {
    return this.#at(rank).file;
  }

  lineAt(rank: number): number {
    return this.#at(rank).line;
  }

  partitionAt(rank: number): number {
    return this.#at(rank).line % this.topic.partitions;
  }

  recordAt(rank: number, timestamp: number): RawRecord {
    const { file, line, fault, bytes } = this.#at(rank);
    const names = DEAD_LETTER_HEADERS;
    const headers = [
      header(FILE_HEADER, this.files[file] as string),
      header(LINE_HEADER, String(line)),
      header(FILE_NAME_HEADER, this.#names[file] as string),
      header(names.stage, INGEST_STAGE),
      header(names.reason, fault.reason),
      header(names.message, fault.message),
      header(names.topic, this.#source.name),
    ];
    return { key: null, value: bytes, timestamp, headers, partition: this.partitionAt(rank) };
  }

  #at(rank: number): Letter {
    return this.#letters[rank] as Letter;
  }
}

function header(key: string, text: string): Header {
  return { key, value: Buffer.from(text) };
}
