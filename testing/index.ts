/** The public test driver. */

export { TestDriver, createTestDriver } from './test-driver.ts';
export { VirtualClock } from './virtual-clock.ts';

export type { TestDriverOptions } from './test-driver.ts';
export type { InputRecord, OutputRecord } from './topic-io.ts';
