/** The adapter on the real Kafka, in a namespace of its own. */

import { randomUUID } from 'node:crypto';
import { setImmediate as nextTurn } from 'node:timers/promises';
import { Connection, describeTransactionsV0 } from '@platformatic/kafka';
import { kafkaBroker } from 'gavel/broker';
import type { KafkaBrokerOptions } from 'gavel/broker';
import type { Broker } from 'gavel/streams';
import { namespaced } from './namespaced-broker.ts';

export interface OpenKafka {
  readonly broker: Broker;
  readonly prefix: string;
  close(): Promise<void>;
}

export async function openKafka(options: KafkaBrokerOptions): Promise<OpenKafka> {
  const prefix = `t${randomUUID().slice(0, 8)}.`;
  const broker = await kafkaBroker(options);
  const connection = new Connection('observer');
  const [host = '', port] = String(options.bootstrapServers).split(':');
  await connection.connect(host, Number(port));
  return {
    prefix,
    broker: namespaced(broker, { prefix, settled: (id) => settled(connection, id) }),
    async close() {
      await broker.close();
      await connection.close();
    },
  };
}

/** Until the markers of the transaction that ended last are written. */
async function settled(connection: Connection, transactionalId: string): Promise<void> {
  if (!connection.isConnected()) return; // the broker was closed with it
  for (;;) {
    const answer = await describeTransactionsV0.api.async(connection, [transactionalId]);
    if (!answer.transactionStates[0]?.transactionState.startsWith('Prepare')) return;
    await nextTurn();
  }
}
