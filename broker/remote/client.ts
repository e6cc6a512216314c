/** The broker port over the local socket of the process that holds the data. */

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
import { Connection } from './connection.ts';
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
