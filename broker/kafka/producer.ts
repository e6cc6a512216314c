/** The idempotent producer without transactions. */

import { initProducerIdV4 } from '@platformatic/kafka';
import type { ProducedBatch, ProducedOffset, Producer } from '../../streams/broker.ts';
import type { Identity } from '../transaction-ids.ts';
import type { Cluster } from './cluster.ts';
import { Sender } from './sender.ts';
import type { SenderOptions } from './sender.ts';

export class KafkaProducer implements Producer {
  readonly #cluster: Cluster;
  readonly #sender: Sender;
  #identity: Identity | undefined;

  constructor(options: Omit<SenderOptions, 'transactionalId'>) {
    this.#cluster = options.cluster;
    this.#sender = new Sender({ ...options, transactionalId: null });
  }

  produce(batches: readonly ProducedBatch[]): Promise<readonly ProducedOffset[]> {
    return this.#sender.send(batches, () => this.#identify());
  }

  close(): Promise<void> {
    return Promise.resolve();
  }

  /** Called by one dispatch at a time. */
  async #identify(): Promise<Identity> {
    if (this.#identity !== undefined && !this.#sender.inDoubt) return this.#identity;
    const { producerId, producerEpoch } = await this.#cluster.retry('get a producer id', async () =>
      initProducerIdV4.api.async(await this.#cluster.any(), null, 0, -1n, -1),
    );
    this.#sender.reset();
    this.#identity = { producerId: Number(producerId), epoch: producerEpoch };
    return this.#identity;
  }
}
