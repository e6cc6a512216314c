/** Where tasks keep their state: the adapters of the state port. */
export { levelState } from './level.ts';
export { memoryState } from './memory.ts';
export type { LevelStateOptions } from './level.ts';
export type { MemoryStateOptions } from './memory.ts';
