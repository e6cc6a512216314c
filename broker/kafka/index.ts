/** The Kafka adapter, loaded when a cluster is connected: its client takes longer to load than most commands run. */

import type { Broker } from '../../streams/broker.ts';
import type { KafkaBrokerOptions } from './options.ts';

/**
 * Connects to a Kafka cluster (brokers 2.8 and later).
 * @throws GavelError `OPTION_INVALID`, `BROKER_UNAVAILABLE` where no server answers, `BROKER_REFUSED` where it does but
 * does not let us in
 */
export async function kafkaBroker(options: KafkaBrokerOptions): Promise<Broker> {
  const { KafkaBroker } = await import('./kafka-broker.ts');
  const broker = new KafkaBroker(options);
  await broker.connect();
  return broker;
}
