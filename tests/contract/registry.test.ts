import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { memoryRegistry, openRegistryServer, registryClient } from 'gavel/schemas';

import { registryApiContract, registryContract } from './registry.ts';

registryApiContract('in memory', async () => {
  const server = await openRegistryServer();
  return { registry: server.url, dispose: () => server.close() };
});

registryApiContract('in a directory', async () => {
  const directory = await mkdtemp(join(tmpdir(), 'gavel-registry-'));
  const server = await openRegistryServer({ directory });
  return {
    registry: server.url,
    dispose: async () => {
      await server.close();
      await rm(directory, { recursive: true });
    },
  };
});

registryContract('client of the server', async () => {
  const server = await openRegistryServer();
  return { registry: registryClient({ url: server.url }), dispose: () => server.close() };
});

registryContract('memory', async () => ({ registry: memoryRegistry(), dispose: async () => undefined }));
