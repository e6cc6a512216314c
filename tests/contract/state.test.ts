import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { levelState, memoryState } from '../../stores/index.ts';
import { stateContract } from './state.ts';

stateContract('memory', async () => ({ backend: memoryState(), dispose: async () => undefined }));

stateContract('LevelDB', async () => {
  const directory = await mkdtemp(join(tmpdir(), 'gavel-state-'));
  return {
    backend: levelState({ directory: join(directory, 'made', 'when', 'missing') }),
    dispose: () => rm(directory, { recursive: true }),
  };
});
