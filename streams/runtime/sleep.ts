/** Waits on the clock. */

import type { Clock } from '../time.ts';

/** Resolves after `ms`, or at once when aborted: who must know which looks at the signal. */
export async function sleep(clock: Clock, ms: number, signal: AbortSignal): Promise<void> {
  if (signal.aborted) return;
  const { promise, resolve } = Promise.withResolvers<void>();
  const timer = clock.setTimer(ms, resolve);
  const abort = (): void => resolve();
  signal.addEventListener('abort', abort);
  await promise;
  signal.removeEventListener('abort', abort);
  timer.cancel();
}
