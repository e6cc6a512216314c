/** A record of any topic as JSON: Avro decoded, anything else as it is. */

import type { Json, SchemaRegistry } from 'gavel/schemas';
import { inspectRecord } from 'gavel/schemas';
import { isGavelError } from 'gavel/streams';

import type { FollowedRecord } from './follow.ts';

/** One line of `topics tail --json`, keys in this order. */
export interface ShownRecord {
  readonly topic: string;
  readonly partition: number;
  readonly offset: number;
  /** Milliseconds since the epoch. */
  readonly timestamp: number;
  /** Name of the Avro record; null for clock records and what is no Avro. */
  readonly type: string | null;
  readonly key: string | null;
  /** What is no Avro of this registry stands here in base64. */
  readonly value: Json;
  readonly headers: { readonly [name: string]: string | null };
}

/** @throws GavelError `REGISTRY_UNAVAILABLE` */
export async function showRecord(registry: SchemaRegistry, record: FollowedRecord): Promise<ShownRecord> {
  const { topic, partition, offset, timestamp, key, value } = record;
  const { type, json } = await showValue(registry, value);
  const headers = Object.fromEntries(
    record.headers.map((header) => [header.key, header.value === null ? null : showBytes(header.value)]),
  );
  return { topic, partition, offset, timestamp, type, key: key === null ? null : showBytes(key), value: json, headers };
}

async function showValue(registry: SchemaRegistry, value: Buffer | null): Promise<{ type: string | null; json: Json }> {
  if (value === null) return { type: null, json: null };
  try {
    const { type, value: json } = await inspectRecord(registry, value);
    return { type, json };
  } catch (error) {
    if (!isGavelError(error) || error.retry === 'backoff') throw error;
    return { type: null, json: value.toString('base64') };
  }
}

/** Text where the bytes are UTF-8, else base64. */
function showBytes(bytes: Buffer): string {
  const text = bytes.toString('utf8');
  return text.includes('\uFFFD') ? bytes.toString('base64') : text;
}
