/** Starts the services of the integration tests once for all of them. */

import type { TestProject } from 'vitest/node';
import { startKafka } from './kafka.ts';

declare module 'vitest' {
  interface ProvidedContext {
    readonly kafka: { readonly bootstrapServers: string; readonly libraries: string };
  }
}

export async function setup(project: TestProject): Promise<() => Promise<void>> {
  const kafka = await startKafka();
  project.vitest.logger.log(kafka.description);
  project.provide('kafka', { bootstrapServers: kafka.bootstrapServers, libraries: kafka.libraries });
  return async () => kafka[Symbol.asyncDispose]();
}
