/** The memory broker keeps the contract. */

import { memoryBroker } from '../../broker/index.ts';
import { TRANSACTION_TIMEOUT_MS } from './broker-support.ts';
import { brokerContract } from './broker.ts';

brokerContract('memory', async (clock) => {
  const broker = memoryBroker({ clock, transactionTimeoutMs: TRANSACTION_TIMEOUT_MS });
  return { broker, close: () => broker.close() };
});
