/** Waits until the engine has nothing more to do: every input is committed to its end, and nothing came of it. */

import { setTimeout as delay } from 'node:timers/promises';

import type { Platform } from './platform.ts';
import { inputProgress } from './status.ts';

const POLL_MS = 20;

/**
 * What comes of records is in the logs once their offsets are committed. So when everything is committed up to ends that
 * are still the ends afterwards, nothing is under way.
 */
export async function untilQuiet(platform: Platform, signal: AbortSignal): Promise<void> {
  for (let before = ''; ;) {
    const inputs = (await inputProgress(platform)).flatMap((subtopology) => subtopology.inputs);
    const ends = inputs.map(({ end }) => end).join(' ');
    if (ends === before && inputs.every(({ lag }) => lag === 0)) return;
    before = ends;
    await delay(POLL_MS, undefined, { signal });
  }
}
