/** The Fetch request, version 12, with the record sets as bytes: the package's own parser makes an object of each record. */

import { Writer, createAPI, readKnownTaggedFields } from '@platformatic/kafka';
import type { Reader } from '@platformatic/kafka';
import type { AbortedTransaction } from './read-committed.ts';

export interface FetchRequest {
  /** Milliseconds that the broker waits for data. */
  readonly maxWaitMs: number;
  readonly partitions: readonly {
    readonly topic: string;
    readonly partition: number;
    readonly offset: number;
    readonly maxBytes: number;
  }[];
}

export interface FetchAnswer {
  readonly topic: string;
  readonly partition: number;
  readonly errorCode: number;
  readonly lastStableOffset: number;
  readonly aborted: readonly AbortedTransaction[];
  /** Record batches, the last of which may be cut off. A slice of the answer. */
  readonly records: Buffer;
}

const FETCH = 1;
const VERSION = 12;
const READ_COMMITTED = 1;
const NO_SESSION = { id: 0, epoch: -1 } as const;
/** Bytes of one answer at most, unless one batch is larger. */
const ANSWER_BYTES_MAX = 16 * 1_048_576;
const NOTHING = Buffer.alloc(0);

export const fetchApi = createAPI<[request: FetchRequest], FetchAnswer[]>(FETCH, VERSION, writeRequest, readAnswer);

function writeRequest({ maxWaitMs, partitions }: FetchRequest): Writer {
  const topics = [...Map.groupBy(partitions, ({ topic }) => topic)];
  return Writer.create()
    .appendInt32(-1) // not a replica
    .appendInt32(maxWaitMs)
    .appendInt32(1)
    .appendInt32(ANSWER_BYTES_MAX)
    .appendInt8(READ_COMMITTED)
    .appendInt32(NO_SESSION.id)
    .appendInt32(NO_SESSION.epoch)
    .appendArray(topics, (writer, [topic, wanted]) => {
      writer.appendString(topic).appendArray(wanted, (inner, { partition, offset, maxBytes }) => {
        inner
          .appendInt32(partition)
          .appendInt32(-1)
          .appendInt64(BigInt(offset))
          .appendInt32(-1)
          .appendInt64(-1n)
          .appendInt32(maxBytes);
      });
    })
    .appendArray([], () => undefined)
    .appendString('')
    .appendTaggedFields();
}

function readAnswer(_id: number, _api: number, _version: number, reader: Reader): FetchAnswer[] {
  const answers: FetchAnswer[] = [];
  reader.readInt32(); // throttled for
  reader.readInt16(); // of sessions, which are not used
  reader.readInt32();
  reader.readArray(
    () => {
      const topic = reader.readString();
      reader.readArray(() => answers.push(readPartition(topic, reader)), true, false);
      readKnownTaggedFields(reader, {});
    },
    true,
    false,
  );
  return answers;
}

function readPartition(topic: string, reader: Reader): FetchAnswer {
  const partition = reader.readInt32();
  const errorCode = reader.readInt16();
  reader.readInt64(); // high watermark
  const lastStableOffset = Number(reader.readInt64());
  reader.readInt64(); // start of the log
  const aborted = reader.readNullableArray(() => ({
    producerId: Number(reader.readInt64()),
    firstOffset: Number(reader.readInt64()),
  }));
  reader.readInt32(); // preferred replica
  const length = reader.readUnsignedVarInt() - 1;
  const records = length > 0 ? reader.buffer.slice(reader.position, reader.position + length) : NOTHING;
  if (length > 0) reader.skip(length);
  readKnownTaggedFields(reader, {});
  return { topic, partition, errorCode, lastStableOffset, aborted: aborted ?? [], records };
}
