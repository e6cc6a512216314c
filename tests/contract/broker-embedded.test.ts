/** The embedded broker keeps the contract: from its memory, and from the disk alone. */

import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { openEmbeddedBroker } from '../../broker/index.ts';
import type { OpenBroker } from './broker-support.ts';
import { TRANSACTION_TIMEOUT_MS } from './broker-support.ts';
import { brokerContract } from './broker.ts';

function embedded(options: { readonly tailCacheBytes?: number; readonly indexFlushBytes?: number }): OpenBroker {
  return async (clock) => {
    const directory = await mkdtemp(join(tmpdir(), 'gavel-broker-'));
    const broker = await openEmbeddedBroker({
      directory,
      clock,
      ...options,
      owner: { command: 'vitest', pid: process.pid },
      durability: 'process',
      transactionTimeoutMs: TRANSACTION_TIMEOUT_MS,
    });
    return {
      broker,
      async close() {
        await broker.close();
        await rm(directory, { recursive: true });
      },
    };
  };
}

brokerContract('embedded', embedded({}));
brokerContract('embedded, read from disk', embedded({ tailCacheBytes: 0, indexFlushBytes: 0 }));
