/** The Produce request, version 9, with finished batches: the package's own request builds its batches from records. */

import { Writer, createAPI, readKnownTaggedFields } from '@platformatic/kafka';
import type { Reader } from '@platformatic/kafka';

export interface ProduceRequest {
  readonly transactionalId: string | null;
  /** One batch per partition. */
  readonly batches: readonly { readonly topic: string; readonly partition: number; readonly bytes: Buffer }[];
}

export interface ProduceAnswer {
  readonly topic: string;
  readonly partition: number;
  readonly errorCode: number;
  readonly baseOffset: number;
  /** The log's stamp, else -1. */
  readonly timestamp: number;
}

const PRODUCE = 0;
const VERSION = 9;
const ALL_IN_SYNC = -1;
const TIMEOUT_MS = 30_000;

export const produceApi = createAPI<[request: ProduceRequest], ProduceAnswer[]>(
  PRODUCE,
  VERSION,
  writeRequest,
  readAnswer,
);

function writeRequest({ transactionalId, batches }: ProduceRequest): Writer {
  return Writer.create()
    .appendString(transactionalId)
    .appendInt16(ALL_IN_SYNC)
    .appendInt32(TIMEOUT_MS)
    .appendArray([...Map.groupBy(batches, ({ topic }) => topic)], (writer, [topic, led]) => {
      writer.appendString(topic).appendArray(led, (inner, { partition, bytes }) => {
        inner
          .appendInt32(partition)
          .appendUnsignedVarInt(bytes.length + 1)
          .append(bytes);
      });
    })
    .appendTaggedFields();
}

function readAnswer(_id: number, _api: number, _version: number, reader: Reader): ProduceAnswer[] {
  const answers: ProduceAnswer[] = [];
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

function readPartition(topic: string, reader: Reader): ProduceAnswer {
  const partition = reader.readInt32();
  const errorCode = reader.readInt16();
  const baseOffset = Number(reader.readInt64());
  const timestamp = Number(reader.readInt64());
  reader.readInt64(); // start of the log
  reader.readArray(
    () => {
      reader.readInt32();
      reader.readNullableString();
      readKnownTaggedFields(reader, {});
    },
    true,
    false,
  );
  reader.readNullableString(); // message
  readKnownTaggedFields(reader, {});
  return { topic, partition, errorCode, baseOffset, timestamp };
}
