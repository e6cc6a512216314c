/** `/metrics`, `/healthz` and `/readyz` on 127.0.0.1. */

import type { Server, ServerResponse } from 'node:http';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';

import { GavelError } from 'gavel/streams';

import type { Metrics } from './metrics.ts';

export interface MetricsServerOptions {
  /** 0 = any free one. */
  readonly port: number;
  readonly metrics: Metrics;
  /** Brings gauges up to date before they are read. */
  readonly collect: () => void;
  /** Undefined once every task runs, else what is still missing. */
  readonly notReady: () => string | undefined;
}

export interface MetricsServer extends AsyncDisposable {
  /** `http://127.0.0.1:8080`. */
  readonly address: string;
}

/** @throws GavelError `OPTION_INVALID` where the port is taken or not allowed */
export async function openMetricsServer(options: MetricsServerOptions): Promise<MetricsServer> {
  const server = createServer((request, response) => {
    const started = performance.now();
    const route = new URL(request.url ?? '/', 'http://localhost').pathname;
    response.on('finish', () => {
      const labels = { route: ROUTES.includes(route) ? route : 'other', status: String(response.statusCode) };
      options.metrics.observe('http_request_duration_seconds', (performance.now() - started) / 1000, labels);
    });
    answer(route, response, options).catch((error: unknown) => send(response, 500, String(error)));
  });
  await listen(server, options.port);
  const { port } = server.address() as AddressInfo;
  return {
    address: `http://127.0.0.1:${port}`,
    async [Symbol.asyncDispose]() {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

const ROUTES = ['/metrics', '/healthz', '/readyz'];

async function answer(route: string, response: ServerResponse, options: MetricsServerOptions): Promise<void> {
  if (route === '/metrics') {
    options.collect();
    send(response, 200, await options.metrics.text(), options.metrics.contentType);
  } else if (route === '/healthz') send(response, 200, 'ok\n');
  else if (route === '/readyz') {
    const missing = options.notReady();
    send(response, missing === undefined ? 200 : 503, `${missing ?? 'ok'}\n`);
  } else send(response, 404, `here are ${ROUTES.join(', ')}\n`);
}

function send(response: ServerResponse, status: number, body: string, contentType = 'text/plain; charset=utf-8'): void {
  response.writeHead(status, { 'content-type': contentType });
  response.end(body);
}

function listen(server: Server, port: number): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once('error', (error: NodeJS.ErrnoException) => {
      const taken = error.code === 'EADDRINUSE';
      const message = taken
        ? `port ${port} is taken by another program`
        : `cannot listen on port ${port}: ${error.message}`;
      const hint = 'choose another one with --port, or --port 0 for any free one';
      reject(new GavelError('OPTION_INVALID', message, { cause: error, hint }));
    });
    server.listen(port, '127.0.0.1', resolve);
  });
}
