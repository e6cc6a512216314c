/** The broker port over the local socket of the process that holds the data. */

import type { Socket } from 'node:net';
import { createConnection } from 'node:net';
import type {
  Broker,
  Fetcher,
  FetcherOptions,
  Groups,
  ProducedOffset,
  Producer,
  TransactionalProducer,
} from '../../streams/broker.ts';
import { GavelError } from '../../streams/errors.ts';
import { LocalTransactionalProducer } from '../transactional-producer.ts';
import { readFrames, sendFrame } from './frames.ts';
import { unpackError } from './messages.ts';
import type { AnswerMessage, PushMessage } from './messages.ts';
import { RemoteFetcher } from './remote-fetcher.ts';

export interface RemoteBroker extends Broker {
  readonly kind: 'remote';
  /** Asks the application of the owner. @throws GavelError what it throws, `BROKER_UNAVAILABLE` */
  call(method: string, args: unknown): Promise<unknown>;
}

/** Connects to the owner. @throws GavelError `BROKER_UNAVAILABLE` where nobody listens */
export function connectBroker(options: { readonly path: string }): Promise<RemoteBroker> {
  return new Promise((resolve, reject) => {
    const socket = createConnection(options.path);
    socket.once('error', (cause) =>
      reject(
        new GavelError('BROKER_UNAVAILABLE', `nobody answers on ${options.path}`, {
          cause,
          hint: 'the process that held the data is gone: try again',
        }),
      ),
    );
    socket.once('connect', () => {
      socket.removeAllListeners('error');
      resolve(brokerOver(new Connection(socket)));
    });
  });
}

/** Calls whose outcome is unknown when the connection is lost before the answer. */
const OUTCOME_MATTERS = new Set(['produce', 'commitOffsets', 'commit', 'groups.commitOffsets']);

interface Waiting {
  readonly method: string;
  readonly resolve: (value: unknown) => void;
  readonly reject: (error: GavelError) => void;
}

/** The socket with the calls that wait for their answers. */
export class Connection {
  readonly #socket: Socket;
  readonly #waiting = new Map<number, Waiting>();
  readonly #pushes = new Map<number, (push: PushMessage) => void>();
  #ids = 0;
  #lost: GavelError | undefined;

  constructor(socket: Socket) {
    this.#socket = socket;
    socket.on('error', () => undefined); // 'close' follows
    socket.on('close', () => this.#onClose());
    readFrames(socket, (message) => this.#take(message as AnswerMessage | PushMessage));
  }

  /** A number for something that is opened on the other side. */
  open(): number {
    return ++this.#ids;
  }

  call<T>(on: number, method: string, args: readonly unknown[] = []): Promise<T> {
    return new Promise<unknown>((resolve, reject) => {
      if (this.#lost !== undefined) {
        reject(this.#lost);
        return;
      }
      const id = ++this.#ids;
      this.#waiting.set(id, { method, resolve, reject });
      sendFrame(this.#socket, { id, on, method, args });
    }) as Promise<T>;
  }

  /** Hands what is pushed for a fetcher to `take`, until `undefined` is given. */
  onPush(fetcher: number, take: ((push: PushMessage) => void) | undefined): void {
    if (take === undefined) this.#pushes.delete(fetcher);
    else this.#pushes.set(fetcher, take);
  }

  async close(): Promise<void> {
    this.#lost ??= new GavelError('BROKER_CLOSED', 'the connection to the owner of the data was closed');
    if (this.#socket.destroyed) return;
    await new Promise<void>((resolve) => {
      this.#socket.once('close', () => resolve());
      this.#socket.end();
      this.#socket.destroySoon();
    });
  }

  #take(message: AnswerMessage | PushMessage): void {
    if ('fetcher' in message) {
      this.#pushes.get(message.fetcher)?.(message);
      return;
    }
    const waiting = this.#waiting.get(message.id);
    this.#waiting.delete(message.id);
    if (message.error === undefined) waiting?.resolve(message.value);
    else waiting?.reject(unpackError(message.error));
  }

  #onClose(): void {
    this.#lost ??= new GavelError('BROKER_UNAVAILABLE', 'the process that held the data is gone', {
      hint: 'start it again, or run the command once more: it will open the data itself',
    });
    const lost = this.#lost;
    for (const { method, reject } of this.#waiting.values()) {
      const unknown = OUTCOME_MATTERS.has(method);
      reject(
        unknown ? new GavelError('OUTCOME_UNKNOWN', `no answer to ${method}: ${lost.message}`, { cause: lost }) : lost,
      );
    }
    this.#waiting.clear();
    for (const push of this.#pushes.values()) push({ fetcher: 0, parts: [] });
  }
}

function brokerOver(connection: Connection): RemoteBroker {
  const call =
    <A extends readonly unknown[], T>(method: string) =>
    (...args: A): Promise<T> =>
      connection.call<T>(0, method, args);
  const groups: Groups = {
    join: call('groups.join'),
    sync: call('groups.sync'),
    heartbeat: call('groups.heartbeat'),
    leave: call('groups.leave'),
    committedOffsets: call('groups.committedOffsets'),
    listOffsets: call('groups.listOffsets'),
    commitOffsets: call('groups.commitOffsets'),
    deleteOffsets: call('groups.deleteOffsets'),
    describe: call('groups.describe'),
    list: call('groups.list'),
  };
  return {
    kind: 'remote',
    groups,
    // Topics carry serdes, which are functions and stay here.
    createTopics: (topics) =>
      connection.call(0, 'createTopics', [
        topics.map(({ name, partitions, config }) => ({ name, partitions, config })),
      ]),
    describeTopics: call('describeTopics'),
    deleteTopics: call('deleteTopics'),
    deleteRecords: call('deleteRecords'),
    listOffsets: call('listOffsets'),
    fetcher: (options: FetcherOptions = {}): Fetcher => new RemoteFetcher(connection, options),
    producer: () => remoteProducer(connection),
    transactionalProducer: (transactionalId) => remoteTransactions(connection, transactionalId),
    call: (method, args) => connection.call(0, 'call', [method, args]),
    close: () => connection.close(),
  };
}

function remoteProducer(connection: Connection): Producer {
  const number = connection.open();
  const opened = connection.call<void>(0, 'producer', [number]);
  opened.catch(() => undefined); // the calls behind it fail likewise
  return {
    produce: (batches) => connection.call<readonly ProducedOffset[]>(number, 'produce', [batches]),
    close: () => connection.call<void>(number, 'close'),
  };
}

/** The order of calls is kept here, the transaction over there; who the producer is only the owner of the data knows. */
function remoteTransactions(connection: Connection, transactionalId: string): TransactionalProducer {
  const number = connection.open();
  const opened = connection.call<void>(0, 'transactionalProducer', [number, transactionalId]);
  opened.catch(() => undefined); // the calls behind it fail likewise
  const producer = new LocalTransactionalProducer({
    async init() {
      await connection.call<void>(number, 'init');
      return { transactionalId, producerId: -1, epoch: -1 };
    },
    produce: (_, batches) => connection.call<void>(number, 'produce', [batches]),
    commitOffsets: (_, member, offsets) => connection.call<void>(number, 'commitOffsets', [member, offsets]),
    end: (_, commit) => connection.call<readonly ProducedOffset[]>(number, commit ? 'commit' : 'abort'),
  });
  return {
    init: () => producer.init(),
    begin: () => producer.begin(),
    async close() {
      await producer.close();
      await connection.call<void>(number, 'close');
    },
  };
}
