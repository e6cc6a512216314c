/** Connections to brokers for one purpose, so that a request which waits on its broker holds up none of another purpose. */

import { Connection } from '@platformatic/kafka';
import type { ConnectionOptions } from '@platformatic/kafka';
import { GavelError } from '../../streams/errors.ts';
import type { Address, KafkaBrokerOptions } from './options.ts';

const CONNECT_TIMEOUT_MS = 5_000;
/** Joins wait for all members, fetches for data: both well below this. */
const REQUEST_TIMEOUT_MS = 30_000;
const JOIN_TIMEOUT_MS = 900_000;
/** A broker remembers the last five batches of a producer: more must not be unanswered. */
const IN_FLIGHT_MAX = 5;
const KEEP_ALIVE_MS = 10_000;

/** What every connection has in common. */
export interface ConnectionSettings {
  readonly clientId: string;
  readonly options: ConnectionOptions;
}

export function connectionSettings({ clientId = 'gavel', tls, sasl }: KafkaBrokerOptions): ConnectionSettings {
  return {
    clientId,
    options: {
      connectTimeout: CONNECT_TIMEOUT_MS,
      requestTimeout: REQUEST_TIMEOUT_MS,
      maxInflights: IN_FLIGHT_MAX,
      ...(tls !== undefined && { tls, tlsServerName: true }),
      ...(sasl !== undefined && { sasl }),
    },
  };
}

/** One connection per broker; a lost one is replaced by the next `get`. */
export class Connections {
  readonly #settings: ConnectionSettings;
  readonly #open = new Map<string, Promise<Connection>>();
  #closed = false;

  constructor(settings: ConnectionSettings) {
    this.#settings = settings;
  }

  get(address: Address): Promise<Connection> {
    if (this.#closed) return Promise.reject(new GavelError('BROKER_CLOSED', 'the broker is closed'));
    const key = `${address.host}:${address.port}`;
    const known = this.#open.get(key);
    if (known !== undefined) return known;
    const forget = (): void => {
      if (this.#open.get(key) === opened) this.#open.delete(key);
    };
    const opened = connect(this.#settings, address, forget);
    this.#open.set(key, opened);
    opened.catch(forget);
    return opened;
  }

  async close(): Promise<void> {
    this.#closed = true;
    const open = [...this.#open.values()];
    this.#open.clear();
    await Promise.all(open.map((opened) => opened.then(closeConnection, () => undefined)));
  }
}

/** Connections for requests that hold up all behind them: each request has one to itself while it waits. */
export class ExclusiveConnections {
  readonly #settings: ConnectionSettings;
  readonly #idle = new Map<string, Connection[]>();
  readonly #all = new Set<Connection>();
  #closed = false;

  constructor(settings: ConnectionSettings) {
    this.#settings = { ...settings, options: { ...settings.options, requestTimeout: JOIN_TIMEOUT_MS } };
  }

  async use<T>(address: Address, request: (connection: Connection) => Promise<T>): Promise<T> {
    if (this.#closed) throw new GavelError('BROKER_CLOSED', 'the broker is closed');
    const key = `${address.host}:${address.port}`;
    let idle = this.#idle.get(key);
    if (idle === undefined) this.#idle.set(key, (idle = []));
    const connection = idle.pop() ?? (await this.#connect(address));
    try {
      return await request(connection);
    } finally {
      if (connection.isConnected()) idle.push(connection);
    }
  }

  async close(): Promise<void> {
    this.#closed = true;
    await Promise.all([...this.#all].map(closeConnection));
  }

  async #connect(address: Address): Promise<Connection> {
    const connection = await connect(this.#settings, address, () => {
      this.#all.delete(connection);
      for (const idle of this.#idle.values()) if (idle.includes(connection)) idle.splice(idle.indexOf(connection), 1);
    });
    this.#all.add(connection);
    return connection;
  }
}

async function connect(
  { clientId, options }: ConnectionSettings,
  { host, port }: Address,
  onLost: () => void,
): Promise<Connection> {
  const connection = new Connection(clientId, options);
  connection.on('error', onLost);
  connection.on('closing', onLost);
  connection.on('close', onLost);
  await connection.connect(host, port);
  connection.socket.setKeepAlive(true, KEEP_ALIVE_MS);
  return connection;
}

/** Ends what waits on it too. */
async function closeConnection(connection: Connection): Promise<void> {
  await connection.close();
}
