/** The Kafka adapter keeps the contract on a real cluster. Cases that need a virtual clock are in `broker-kafka-time.test.ts`. */

import { inject } from 'vitest';
import { TRANSACTION_TIMEOUT_MS } from '../contract/broker-support.ts';
import { brokerContract } from '../contract/broker.ts';
import { openKafka } from '../support/services/open-kafka.ts';

const { bootstrapServers } = inject('kafka');

brokerContract('kafka', () => openKafka({ bootstrapServers, transactionTimeoutMs: TRANSACTION_TIMEOUT_MS }), {
  virtualTime: false,
});
