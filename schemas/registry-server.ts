/** A schema registry in this process: the Confluent REST API on a loopback port, for one user and Avro only. */

import type { IncomingMessage, ServerResponse } from 'node:http';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';

import { isGavelError, toGavelError } from 'gavel/streams';

import { Refusal } from './registry-catalog.ts';
import { routeOf } from './registry-routes.ts';
import type { RegistryStore } from './registry-store.ts';
import { openRegistryStore } from './registry-store.ts';

export interface RegistryServerOptions {
  /** Where the schemas are kept. Default: in memory, gone after `close`. */
  readonly directory?: string;
  /** Default 0: a free one. */
  readonly port?: number;
}

export interface RegistryServer extends AsyncDisposable {
  /** `http://127.0.0.1:<port>` */
  readonly url: string;
  /** Waits for changes under way. Closing twice is allowed. */
  close(): Promise<void>;
}

/** Bytes of the largest request taken. */
const BODY_BYTES_MAX = 1 << 20;

const CONTENT_TYPE = 'application/vnd.schemaregistry.v1+json';

/** @throws GavelError `LOG_CORRUPT`; `OPTION_INVALID` where the port is taken */
export async function openRegistryServer(options: RegistryServerOptions = {}): Promise<RegistryServer> {
  const store = await openRegistryStore(options.directory);
  const server = createServer((request, response) => {
    void answer(store, request).then((reply) => send(response, reply));
  });
  const listening = Promise.withResolvers<void>();
  server.once('error', listening.reject);
  server.listen(options.port ?? 0, '127.0.0.1', listening.resolve);
  try {
    await listening.promise;
  } catch (error) {
    await store.close();
    throw toGavelError(error, 'OPTION_INVALID', `the schema registry cannot listen on port ${options.port}`);
  }
  let closing: Promise<void> | undefined;
  const close = (): Promise<void> =>
    (closing ??= new Promise<void>((resolve) => {
      server.close(() => resolve());
      server.closeAllConnections();
    }).then(() => store.close()));
  const { port } = server.address() as AddressInfo;
  return { url: `http://127.0.0.1:${port}`, close, [Symbol.asyncDispose]: close };
}

interface Reply {
  readonly status: number;
  readonly body: unknown;
}

/** Never rejects. */
async function answer(store: RegistryStore, request: IncomingMessage): Promise<Reply> {
  try {
    const url = new URL(request.url ?? '/', 'http://registry');
    const route = routeOf(request.method ?? 'GET', url.pathname);
    const body = request.method === 'POST' || request.method === 'PUT' ? await readBody(request) : {};
    return { status: 200, body: await route.answer(store, { names: route.names, query: url.searchParams, body }) };
  } catch (error) {
    const { code, message } = error instanceof Refusal ? error : faultOf(error);
    return { status: Number(String(code).slice(0, 3)), body: { error_code: code, message } };
  }
}

function faultOf(error: unknown): Refusal {
  if (error instanceof URIError) return new Refusal(400, 'The path is not valid percent-encoding');
  if (isGavelError(error, 'SCHEMA_INVALID')) return new Refusal(42201, `Invalid schema: ${error.message}`);
  return new Refusal(50001, error instanceof Error ? error.message : String(error));
}

async function readBody(request: IncomingMessage): Promise<Readonly<Record<string, unknown>>> {
  // A page in a browser cannot send this type here without asking first, which nobody answers.
  if (!/^application\/(json|vnd\.schemaregistry(\.v1)?\+json)/.test(request.headers['content-type'] ?? '')) {
    throw new Refusal(415, `Content-Type must be ${CONTENT_TYPE}`);
  }
  const chunks: Buffer[] = [];
  let length = 0;
  for await (const chunk of request as AsyncIterable<Buffer>) {
    length += chunk.length;
    if (length > BODY_BYTES_MAX) throw new Refusal(413, `A request has at most ${BODY_BYTES_MAX} bytes`);
    chunks.push(chunk);
  }
  try {
    const body: unknown = JSON.parse(Buffer.concat(chunks).toString('utf8'));
    if (typeof body === 'object' && body !== null) return body as Readonly<Record<string, unknown>>;
  } catch {
    // said below
  }
  throw new Refusal(400, 'The request is not a JSON object');
}

function send(response: ServerResponse, { status, body }: Reply): void {
  response.writeHead(status, { 'content-type': CONTENT_TYPE });
  response.end(JSON.stringify(body));
}
