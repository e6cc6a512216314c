/** The schema registry over HTTP, through @kafkajs/confluent-schema-registry behind a cache of our own. */

import type { COMPATIBILITY } from '@kafkajs/confluent-schema-registry';
import { SchemaRegistry as HttpRegistry, SchemaType } from '@kafkajs/confluent-schema-registry';

import type { Clock } from 'gavel/streams';
import { GavelError, systemClock } from 'gavel/streams';

import type { AvroType } from './avro.ts';
import { FOREIGN_OPTIONS } from './avro.ts';
import type { SchemaRegistry } from './registry.ts';
import { incompatibleSchema, unknownSchema } from './registry.ts';

export interface RegistryClientOptions {
  /** Of the Confluent REST API, e.g. what `openRegistryServer` answers. */
  readonly url: string;
  /** Default: none. */
  readonly auth?: { readonly username: string; readonly password: string };
  /** Milliseconds after which the registry is asked again for an id that it did not know. Default 30,000. */
  readonly unknownForMs?: number;
  /** How often a failed read is tried again, from 100 ms on and doubling. Default 3. */
  readonly retries?: number;
  /** Milliseconds after which an answer is given up. Default 5,000. */
  readonly timeoutMs?: number;
  /** Default: the system's. */
  readonly clock?: Clock;
}

/** Does no I/O before the first call. */
export function registryClient(options: RegistryClientOptions): SchemaRegistry {
  return new RegistryClient(options);
}

/** Ids that are remembered as unknown; a flood of them must not fill the memory. */
const UNKNOWN_MAX = 1000;

interface Unknown {
  readonly error: GavelError;
  /** Milliseconds since the epoch. */
  readonly until: number;
}

class RegistryClient implements SchemaRegistry {
  readonly #options: RegistryClientOptions;
  readonly #timeoutMs: number;
  readonly #http: HttpRegistry;
  readonly #clock: Clock;
  readonly #types = new Map<number, AvroType>();
  readonly #unknown = new Map<number, Unknown>();
  readonly #fetches = new Map<number, Promise<void>>();
  readonly #registrations = new Map<string, Promise<number>>();

  constructor(options: RegistryClientOptions) {
    const { url: host, auth, retries = 3, timeoutMs = 5000, clock = systemClock } = options;
    this.#options = options;
    this.#timeoutMs = timeoutMs;
    this.#clock = clock;
    const api = { host, clientId: 'gavel', retry: { retries }, middlewares: [timeout(timeoutMs)] };
    this.#http = new HttpRegistry(auth === undefined ? api : { ...api, auth }, { [SchemaType.AVRO]: FOREIGN_OPTIONS });
  }

  lookup(id: number): AvroType | GavelError | undefined {
    const type = this.#types.get(id);
    if (type !== undefined) return type;
    const unknown = this.#unknown.get(id);
    return unknown !== undefined && this.#clock.now() < unknown.until ? unknown.error : undefined;
  }

  fetch(id: number): Promise<void> {
    return once(this.#fetches, id, () => this.#fetch(id)).finally(() => this.#fetches.delete(id));
  }

  register(subject: string, schema: string): Promise<number> {
    const key = `${subject}\n${schema}`;
    const registration = once(this.#registrations, key, () => this.#register(subject, schema));
    registration.catch(() => this.#registrations.delete(key)); // the caller has it
    return registration;
  }

  async #fetch(id: number): Promise<void> {
    try {
      const schema: unknown = await this.#http.getSchema(id);
      if (typeof (schema as Partial<AvroType>).createResolver !== 'function') throw new TypeError('it is not Avro');
      this.#types.set(id, schema as AvroType);
      this.#unknown.delete(id);
    } catch (error) {
      const status = statusOf(error);
      if (status !== undefined && status !== 404) throw this.#unavailable(error);
      const unknown = status === 404 ? unknownSchema(id) : unusable(id, error);
      this.#remember(id, unknown);
    }
  }

  #remember(id: number, error: GavelError): void {
    const { unknownForMs = 30_000 } = this.#options;
    this.#unknown.delete(id);
    this.#unknown.set(id, { error, until: this.#clock.now() + unknownForMs });
    const [oldest] = this.#unknown.keys();
    if (this.#unknown.size > UNKNOWN_MAX && oldest !== undefined) this.#unknown.delete(oldest);
  }

  async #register(subject: string, schema: string): Promise<number> {
    const confluent = { type: SchemaType.AVRO, schema } as const;
    try {
      // Mostly it is there, and then no right to write is needed.
      return await this.#http.getRegistryIdBySchema(subject, confluent);
    } catch (error) {
      if (statusOf(error) !== undefined) throw this.#refused(subject, error);
    }
    const compatibility = await this.#levelOf(subject);
    try {
      const { id } = await this.#http.register(confluent, { subject, compatibility, updateConfig: false });
      return id;
    } catch (error) {
      throw this.#refused(subject, error);
    }
  }

  /** The library registers only if it is told the level that the subject has; it has no call to ask. */
  async #levelOf(subject: string): Promise<COMPATIBILITY> {
    const { url, auth } = this.#options;
    const headers: Record<string, string> = {};
    if (auth !== undefined) headers['authorization'] = `Basic ${btoa(`${auth.username}:${auth.password}`)}`;
    const path = `/config/${encodeURIComponent(subject)}?defaultToGlobal=true`;
    try {
      const response = await fetch(new URL(path, url), { headers, signal: AbortSignal.timeout(this.#timeoutMs) });
      if (!response.ok) throw new Error(`status ${response.status}`);
      const { compatibilityLevel } = (await response.json()) as { readonly compatibilityLevel: COMPATIBILITY };
      return compatibilityLevel;
    } catch (error) {
      throw this.#unavailable(error);
    }
  }

  #refused(subject: string, error: unknown): GavelError {
    const status = statusOf(error);
    if (status === 409) return incompatibleSchema(subject, textOf(error), error);
    if (status === 422 || status === undefined) {
      return new GavelError('SCHEMA_INVALID', `${subject}: ${textOf(error)}`, { cause: error });
    }
    return this.#unavailable(error);
  }

  #unavailable(error: unknown): GavelError {
    const { url } = this.#options;
    return new GavelError('REGISTRY_UNAVAILABLE', `the schema registry at ${url} does not answer: ${textOf(error)}`, {
      cause: error,
      hint: 'Check that it runs and that SCHEMA_REGISTRY_URL and its credentials are right.',
    });
  }
}

type HttpMiddleware = NonNullable<ConstructorParameters<typeof HttpRegistry>[0]['middlewares']>[number];

/** The library waits for ever otherwise. */
function timeout(timeoutMs: number): HttpMiddleware {
  return () => ({ prepareRequest: async (next) => (await next()).enhance({ timeout: timeoutMs }) });
}

/** One call for all who ask for the same at the same time. */
function once<Key, Answer>(calls: Map<Key, Promise<Answer>>, key: Key, call: () => Promise<Answer>): Promise<Answer> {
  let answer = calls.get(key);
  if (answer === undefined) calls.set(key, (answer = call()));
  return answer;
}

/** Of the HTTP answer, 400 where there was none; undefined for what the library itself found wrong (or not found). */
function statusOf(error: unknown): number | undefined {
  return (error as { readonly status?: number }).status;
}

function textOf(error: unknown): string {
  return error instanceof Error ? error.message.replace(/^gavel - /, '') : String(error);
}

function unusable(id: number, error: unknown): GavelError {
  return new GavelError('SCHEMA_INVALID', `schema ${id} cannot be used: ${textOf(error)}`, { cause: error });
}
