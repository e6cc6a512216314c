/** Records of topics as Avro in Confluent framing: byte 0, schema id in four bytes, big endian, Avro body. */

import type { ByteSink, Serde } from 'gavel/streams';
import { GavelError, SerdeNotReady } from 'gavel/streams';

import type { AvroResolver, AvroType } from './avro.ts';
import { compileOwn, decodeValue, encodeValue, tellType } from './avro.ts';
import { RECORD_SCHEMAS } from './definitions.ts';
import type { SchemaRegistry } from './registry.ts';
import type { RecordTypes } from './types.ts';

export interface AvroSerdeOptions<Name extends keyof RecordTypes> {
  readonly registry: SchemaRegistry;
  /** Each record is registered under the subject `<topic>-<full name of the record>`. */
  readonly topic: string;
  /** The records that the topic carries; told apart by `type`. */
  readonly records: readonly Name[];
}

/** A serde that must learn the ids of its schemas before it can write. */
export interface AvroSerde<T> extends Serde<T> {
  /**
   * Registers the schemas. Reading works without it; writing throws `ILLEGAL_STATE` until it is done.
   * @throws GavelError `SCHEMA_INCOMPATIBLE`, `REGISTRY_UNAVAILABLE`
   */
  prepare(): Promise<void>;
}

/**
 * The serde of a topic. `deserialize` throws `SerdeNotReady` for a schema that it must fetch first, `SCHEMA_UNKNOWN` for
 * an id that the registry does not have, and `SERDE_FAILED` for other framing, another record, cut-off or trailing bytes.
 */
export function avroSerde<Name extends keyof RecordTypes>(
  options: AvroSerdeOptions<Name>,
): AvroSerde<RecordTypes[Name]> {
  return new TopicSerde(options);
}

/** Serdes of many topics over one registry, prepared together. */
export interface AvroSerdes {
  /** The serde of a topic, as `avroSerde` makes it. */
  readonly serde: <Name extends keyof RecordTypes>(
    topic: string,
    records: readonly Name[],
  ) => AvroSerde<RecordTypes[Name]>;
  /** Prepares every serde made so far. @throws like `AvroSerde.prepare` */
  prepare(): Promise<void>;
}

export function avroSerdes(registry: SchemaRegistry): AvroSerdes {
  const made: { prepare(): Promise<void> }[] = [];
  return {
    serde(topic, records) {
      const serde = avroSerde({ registry, topic, records });
      made.push(serde);
      return serde;
    },
    async prepare() {
      await Promise.all(made.map((serde) => serde.prepare()));
    },
  };
}

/** Bytes in front of the Avro body. */
export const FRAME = 5;

interface Reader {
  readonly type: AvroType;
  /** Undefined where the writer's schema is the reader's. */
  readonly resolver: AvroResolver | undefined;
}

interface Writer {
  readonly type: AvroType;
  readonly id: number;
}

class TopicSerde<Name extends keyof RecordTypes> implements AvroSerde<RecordTypes[Name]> {
  readonly #registry: SchemaRegistry;
  readonly #topic: string;
  readonly #names: readonly Name[];
  readonly #writers = new Map<string, Writer>();
  readonly #readers = new Map<number, Reader>();
  // Most records in a row are of one schema.
  #lastId = -1;
  #lastReader: Reader | undefined;

  constructor({ registry, topic, records }: AvroSerdeOptions<Name>) {
    this.#registry = registry;
    this.#topic = topic;
    this.#names = records;
  }

  async prepare(): Promise<void> {
    const registered = this.#names.map(async (name) => {
      const type = recordType(name);
      const id = await this.#registry.register(`${this.#topic}-${type.name}`, RECORD_SCHEMAS[name]);
      this.#writers.set(name, { type, id });
      this.#readers.set(id, { type, resolver: undefined });
    });
    await Promise.all(registered);
  }

  serialize(value: RecordTypes[Name], sink: ByteSink): void {
    const { type, id } = this.#writers.get(value.type) ?? this.#noWriter(value);
    const start = sink.position;
    encodeValue(type, value, sink, FRAME);
    const { buffer } = sink;
    buffer[start] = 0;
    buffer[start + 1] = id >>> 24;
    buffer[start + 2] = id >>> 16;
    buffer[start + 3] = id >>> 8;
    buffer[start + 4] = id;
  }

  deserialize(bytes: Buffer): RecordTypes[Name] {
    const id = schemaIdOf(bytes);
    const reader = id === this.#lastId && this.#lastReader !== undefined ? this.#lastReader : this.#readerOf(id);
    return decodeValue(reader.type, bytes, FRAME, reader.resolver) as RecordTypes[Name];
  }

  #readerOf(id: number): Reader {
    const reader = this.#readers.get(id) ?? this.#compileReader(id);
    this.#readers.set(id, reader);
    this.#lastId = id;
    this.#lastReader = reader;
    return reader;
  }

  #compileReader(id: number): Reader {
    const writer = this.#registry.lookup(id);
    if (writer === undefined) throw new SerdeNotReady(this.#registry.fetch(id));
    if (writer instanceof GavelError) throw writer;
    const name = this.#names.find((candidate) => recordType(candidate).name === writer.name);
    if (name === undefined) {
      throw new GavelError(
        'SERDE_FAILED',
        `schema ${id} is a ${writer.name}; ${this.#topic} carries ${this.#names.join(', ')}`,
      );
    }
    const type = recordType(name);
    if (type.equals(writer)) return { type, resolver: undefined };
    try {
      return { type, resolver: type.createResolver(writer) };
    } catch (error) {
      throw new GavelError('SERDE_FAILED', `schema ${id} cannot be read as this version's ${name}`, { cause: error });
    }
  }

  #noWriter(value: RecordTypes[Name]): never {
    const { type } = value as { readonly type?: unknown };
    if (this.#names.includes(type as Name)) {
      throw new GavelError('ILLEGAL_STATE', `the schemas of ${this.#topic} are not registered yet`, {
        hint: 'Await prepare() of the serde before the first record is written.',
      });
    }
    throw new GavelError('SERDE_FAILED', `${this.#topic} carries ${this.#names.join(', ')}, no ${String(type)}`, {
      hint: 'A copy made with { ...record } must set `type` again.',
    });
  }
}

/** The id in front of a framed record. @throws GavelError `SERDE_FAILED` */
export function schemaIdOf(bytes: Buffer): number {
  if (bytes.length < FRAME || bytes[0] !== 0) {
    const found = bytes.length < FRAME ? `${bytes.length} bytes` : `magic byte ${bytes[0]}`;
    throw new GavelError('SERDE_FAILED', `not an Avro record with a schema id: ${found}`);
  }
  return bytes.readUInt32BE(1);
}

const types = new Map<keyof RecordTypes, AvroType>();

/** The compiled schema of one of our records; every serde shares it. */
export function recordType(name: keyof RecordTypes): AvroType {
  let type = types.get(name);
  if (type === undefined) types.set(name, (type = tellType(compileOwn(RECORD_SCHEMAS[name]), name)));
  return type;
}
