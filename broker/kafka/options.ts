/** The options of the Kafka adapter, and their validation. */

import type { ConnectionOptions as TlsOptions } from 'node:tls';
import { GavelError } from '../../streams/errors.ts';
import type { Clock } from '../../streams/time.ts';

export interface KafkaBrokerOptions {
  /** `host:port`, several with commas between them or as a list: any that answers tells the rest of the cluster. */
  readonly bootstrapServers: string | readonly string[];
  /** Names this program in the brokers' logs and quotas. Default `gavel`. */
  readonly clientId?: string;
  /** TLS with Node's options (`ca`, `cert`, `key`, …); the server's name is checked. Default none. */
  readonly tls?: TlsOptions;
  readonly sasl?: SaslOptions;
  /** After that long the cluster aborts an open transaction and fences its producer. Default 10,000 ms. */
  readonly transactionTimeoutMs?: number;
  /** Copies of a created topic. Default that of the brokers. */
  readonly replicationFactor?: number;
  /** Of produced batches. Default `none`; whatever a log holds is read. */
  readonly compression?: Compression;
  /** Milliseconds that a request which may be repeated is repeated before it fails. Default 30,000. */
  readonly retryMs?: number;
  /** Default the system's. */
  readonly clock?: Clock;
}

export interface SaslOptions {
  readonly mechanism: 'PLAIN' | 'SCRAM-SHA-256' | 'SCRAM-SHA-512';
  readonly username: string;
  readonly password: string;
}

export type Compression = 'none' | 'gzip' | 'snappy' | 'lz4' | 'zstd';

export interface Address {
  readonly host: string;
  readonly port: number;
}

const PORT_MAX = 65_535;

/** @throws GavelError `OPTION_INVALID` */
export function parseServers(servers: string | readonly string[]): readonly Address[] {
  const list = (typeof servers === 'string' ? servers.split(',') : servers).map((server) => server.trim());
  const addresses = list.filter((server) => server !== '').map(parseServer);
  if (addresses.length === 0) throw invalid('bootstrapServers names no server');
  return addresses;
}

function parseServer(server: string): Address {
  const [, bracketed, plain, digits] = /^(?:\[([^\]]+)\]|([^:/]+)):(\d+)$/.exec(server) ?? [];
  const host = bracketed ?? plain;
  const port = Number(digits);
  if (host === undefined || port < 1 || port > PORT_MAX) throw invalid(`"${server}" is not an address of a broker`);
  return { host, port };
}

function invalid(message: string): GavelError {
  return new GavelError('OPTION_INVALID', message, { hint: 'Write host:port, several with commas between them.' });
}
