/** Serves a broker, and calls of the application, to other processes of this machine over a local socket. */

import { chmod, rm } from 'node:fs/promises';
import type { Server, Socket } from 'node:net';
import { createServer } from 'node:net';
import type { Broker, Fetcher, Producer, Transaction, TransactionalProducer } from '../../streams/broker.ts';
import { partitionKey } from '../../streams/broker.ts';
import { GavelError, isGavelError } from '../../streams/errors.ts';
import { readFrames, sendFrame } from './frames.ts';
import { packError } from './messages.ts';
import type { CallMessage, FetchedMessage } from './messages.ts';

export interface ServeOptions {
  /** Path of the socket (a named pipe on Windows); one that is left over is replaced. */
  readonly path: string;
  /** Answers what is asked besides the broker's own calls. */
  readonly call?: (method: string, args: unknown) => Promise<unknown>;
}

/** Serves until disposed. Only the owner of the process may connect (mode 0600). */
export async function serveBroker(broker: Broker, options: ServeOptions): Promise<AsyncDisposable> {
  const isPipe = options.path.startsWith('\\\\');
  if (!isPipe) await rm(options.path, { force: true });
  const sessions = new Set<Session>();
  const server = createServer((socket) => {
    const session = new Session(broker, socket, options.call);
    sessions.add(session);
    socket.on('close', () => {
      sessions.delete(session);
      void session.close();
    });
  });
  await listen(server, options.path);
  if (!isPipe) await chmod(options.path, 0o600);
  return {
    async [Symbol.asyncDispose]() {
      const closed = new Promise<void>((resolve) => server.close(() => resolve()));
      await Promise.all([...sessions].map((session) => session.close()));
      await closed;
      if (!isPipe) await rm(options.path, { force: true });
    },
  };
}

function listen(server: Server, path: string): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once('error', reject);
    server.listen(path, () => {
      server.off('error', reject);
      resolve();
    });
  });
}

interface Fetching {
  readonly fetcher: Fetcher;
  /** The client has taken what was sent last. */
  mayPush: boolean;
  readonly assignments: Map<string, number>;
}

interface Transacting {
  readonly producer: TransactionalProducer;
  transaction: Transaction | undefined;
  /** Another took the transactional id: only `init` leads on, which the client must be told when it aborts. */
  fence: GavelError | undefined;
}

/** One client: what it opened is closed with its connection, and its open transactions are aborted. */
class Session {
  readonly #broker: Broker;
  readonly #socket: Socket;
  readonly #call: ServeOptions['call'];
  readonly #fetchers = new Map<number, Fetching>();
  readonly #producers = new Map<number, Producer>();
  readonly #transactions = new Map<number, Transacting>();
  #closed: Promise<void> | undefined;

  constructor(broker: Broker, socket: Socket, call: ServeOptions['call']) {
    this.#broker = broker;
    this.#socket = socket;
    this.#call = call;
    socket.on('error', () => undefined); // 'close' follows
    readFrames(socket, (message) => void this.#answer(message as CallMessage));
  }

  close(): Promise<void> {
    this.#closed ??= this.#release();
    return this.#closed;
  }

  async #release(): Promise<void> {
    this.#socket.destroy();
    for (const { fetcher } of this.#fetchers.values()) await fetcher.close();
    for (const { producer, transaction } of this.#transactions.values()) {
      await transaction?.abort().catch(() => undefined); // fenced or ended meanwhile: nothing is left open
      await producer.close();
    }
    for (const producer of this.#producers.values()) await producer.close();
  }

  async #answer({ id, on, method, args }: CallMessage): Promise<void> {
    let answer;
    try {
      answer = { id, value: await this.#dispatch(on, method, args) };
    } catch (error) {
      answer = { id, error: packError(error) };
    }
    if (!this.#socket.destroyed) sendFrame(this.#socket, answer);
  }

  #dispatch(on: number, method: string, args: readonly unknown[]): unknown {
    if (on === 0) return this.#dispatchBroker(method, args);
    const fetching = this.#fetchers.get(on);
    if (fetching !== undefined) return this.#dispatchFetcher(on, fetching, method, args);
    const transacting = this.#transactions.get(on);
    if (transacting !== undefined) return dispatchTransactions(transacting, method, args);
    const producer = this.#producers.get(on);
    if (producer !== undefined) return invoke(producer, method, PRODUCER_CALLS, args);
    throw new GavelError('ILLEGAL_STATE', `nothing with number ${on} is open`);
  }

  #dispatchBroker(method: string, args: readonly unknown[]): unknown {
    const [first, second] = args;
    if (method === 'call') {
      if (this.#call === undefined) throw new GavelError('USAGE', 'the owner of the data answers no questions');
      return this.#call(String(first), second);
    }
    if (method === 'fetcher') return this.#openFetcher(Number(first), Number(second));
    if (method === 'producer') return void this.#producers.set(Number(first), this.#broker.producer());
    if (method === 'transactionalProducer') {
      const producer = this.#broker.transactionalProducer(String(second));
      return void this.#transactions.set(Number(first), { producer, transaction: undefined, fence: undefined });
    }
    if (method.startsWith('groups.'))
      return invoke(this.#broker.groups, method.slice('groups.'.length), GROUP_CALLS, args);
    return invoke(this.#broker, method, BROKER_CALLS, args);
  }

  #openFetcher(number: number, maxBytes: number): void {
    const fetching: Fetching = {
      fetcher: this.#broker.fetcher({
        ...(maxBytes > 0 && { maxBytesPerPartition: maxBytes }),
        onReady: () => this.#push(number, fetching),
      }),
      mayPush: true,
      assignments: new Map(),
    };
    this.#fetchers.set(number, fetching);
  }

  #dispatchFetcher(number: number, fetching: Fetching, method: string, args: readonly unknown[]): unknown {
    const [topic, partition, offset, assignment] = args as readonly [string, number, number, number];
    switch (method) {
      case 'assign':
        fetching.assignments.set(partitionKey(topic, partition), assignment);
        return fetching.fetcher.assign(topic, partition, offset);
      case 'unassign':
        return fetching.fetcher.unassign(topic, partition);
      case 'pause':
        return fetching.fetcher.pause(topic, partition);
      case 'resume':
        return fetching.fetcher.resume(topic, partition);
      case 'more':
        fetching.mayPush = true;
        return this.#push(number, fetching);
      case 'close':
        this.#fetchers.delete(number);
        return fetching.fetcher.close();
      default:
        throw unknownCall(method);
    }
  }

  /** Sends what has arrived, if the client has taken what was sent before: that is its back-pressure. */
  #push(number: number, fetching: Fetching): void {
    if (!fetching.mayPush || this.#socket.destroyed || !this.#fetchers.has(number)) return;
    const parts = fetching.fetcher.poll().map((part): FetchedMessage => {
      const { error, ...data } = part;
      const assignment = fetching.assignments.get(partitionKey(part.topic, part.partition)) ?? 0;
      return { ...data, assignment, ...(error !== undefined && { error: packError(error) }) };
    });
    if (parts.length === 0) return;
    fetching.mayPush = false;
    sendFrame(this.#socket, { fetcher: number, parts });
  }
}

const BROKER_CALLS = new Set(['createTopics', 'describeTopics', 'deleteTopics', 'deleteRecords', 'listOffsets']);
const PRODUCER_CALLS = new Set(['produce', 'close']);
const GROUP_CALLS = new Set([
  'join',
  'sync',
  'heartbeat',
  'leave',
  'committedOffsets',
  'listOffsets',
  'commitOffsets',
  'deleteOffsets',
  'describe',
  'list',
]);
const TRANSACTION_CALLS = new Set(['produce', 'commitOffsets']);

/** A transaction begins with its first call; the client keeps the order of the calls. */
async function dispatchTransactions(
  transacting: Transacting,
  method: string,
  args: readonly unknown[],
): Promise<unknown> {
  const { producer } = transacting;
  if (method === 'close') return producer.close();
  if (method === 'init') {
    transacting.transaction = undefined;
    transacting.fence = undefined;
    return producer.init();
  }
  const transaction = (transacting.transaction ??= producer.begin());
  if (method === 'commit' || method === 'abort') transacting.transaction = undefined;
  if (method === 'commit') return transaction.commit();
  if (method === 'abort') {
    await transaction.abort();
    if (transacting.fence !== undefined) throw transacting.fence;
    return [];
  }
  try {
    return await invoke(transaction, method, TRANSACTION_CALLS, args);
  } catch (error) {
    if (isGavelError(error, 'PRODUCER_FENCED')) transacting.fence = error;
    throw error;
  }
}

/** Calls one of the methods that may be called from outside. */
function invoke(target: object, method: string, allowed: ReadonlySet<string>, args: readonly unknown[]): unknown {
  if (!allowed.has(method)) throw unknownCall(method);
  const call = (target as { readonly [method: string]: (...args: readonly unknown[]) => unknown })[method];
  return call?.apply(target, [...args]);
}

function unknownCall(method: string): GavelError {
  return new GavelError('USAGE', `the owner of the data knows no call "${method}"`, {
    hint: 'use the same version of gavel for both',
  });
}
