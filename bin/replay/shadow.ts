/** Runs a shadow of the platform over everything, compares what it decided with what was decided, and takes it away again. */

import { rm } from 'node:fs/promises';
import { setTimeout as delay } from 'node:timers/promises';

import { levelState } from 'gavel/stores';
import { GavelError, createStreams, shadowOf } from 'gavel/streams';

import { auctionTopology } from '../../topology/index.ts';
import type { Weights } from '../../topology/weights.ts';
import type { Platform } from '../platform.ts';
import { APPLICATION_ID } from '../platform.ts';
import type { Difference } from './comparison.ts';
import { sumResults } from './comparison.ts';
import { compareOutputs } from './outputs.ts';
import type { ComparedRange } from './range.ts';
import { comparedRanges } from './range.ts';

export interface ReplayOptions {
  readonly platform: Platform;
  /** `earliest`, a time or an offset: limits what is compared. */
  readonly from: string;
  /** Default: those of the platform. */
  readonly weights: Weights | undefined;
  /** Leave the shadow's topics, state and group. */
  readonly keep: boolean;
  readonly signal: AbortSignal;
  readonly onProgress: (left: number) => void;
}

export interface ReplayResult {
  /** Of the log that decides. */
  readonly records: number;
  /** Verdicts of the first run that were compared. */
  readonly verdicts: number;
  readonly missing: number;
  readonly extra: number;
  readonly differing: number;
  readonly unverifiable: number;
  readonly differences: readonly Difference[];
  /** e.g. `shadow-1` */
  readonly shadow: string;
}

const POLL_MS = 50;

/** @throws GavelError `OPTION_INVALID`, and what the engine throws */
export async function replay(options: ReplayOptions): Promise<ReplayResult> {
  const { platform, keep } = options;
  const ranges = await comparedRanges(platform, options.from);
  const shadow = await freeShadow(platform);
  try {
    await runShadow(shadow, ranges, options);
    const results = await compareOutputs({ platform, shadow, ranges });
    const { missing, extra, differing, differences } = sumResults(results);
    const total = (of: (result: (typeof results)[number]) => number): number =>
      results.reduce((sum, result) => sum + of(result), 0);
    return {
      records: ranges.reduce((sum, { from, to }) => sum + to - from, 0),
      verdicts: total((result) => result.verdicts),
      missing,
      extra,
      differing,
      unverifiable: total((result) => result.unverifiable),
      differences,
      shadow,
    };
  } finally {
    if (!keep) await removeShadow(platform, shadow);
  }
}

/** The first name that no topic bears yet. */
async function freeShadow({ broker }: Platform): Promise<string> {
  const names = (await broker.describeTopics()).map(({ name }) => name);
  for (let number = 1; ; number++) {
    const shadow = `shadow-${number}`;
    if (!names.some((name) => isOf(shadow, name))) return shadow;
  }
}

function isOf(shadow: string, topic: string): boolean {
  return topic.endsWith(`.${shadow}`) || topic.startsWith(`${applicationIdOf(shadow)}-`);
}

function applicationIdOf(shadow: string): string {
  return `${APPLICATION_ID}.${shadow}`;
}

/** Until it has committed everything that is compared. */
async function runShadow(shadow: string, ranges: readonly ComparedRange[], options: ReplayOptions): Promise<void> {
  const { platform, weights, signal, onProgress } = options;
  const { broker, topics, serdes, directory } = platform;
  const applicationId = applicationIdOf(shadow);
  const topology = shadowOf(auctionTopology({ topics, serdes, ...(weights !== undefined && { weights }) }), shadow);
  await serdes.prepare();
  await using app = createStreams({
    applicationId,
    topology,
    broker,
    state: levelState({ directory: directory.state(applicationId) }),
    clockRecords: false,
  });
  await app.start();
  const stopped = app.finished.then(() => {
    throw new GavelError('ILLEGAL_STATE', 'the shadow closed before it was done');
  });
  const done = async (): Promise<void> => {
    for (;;) {
      const committed = await broker.groups.listOffsets(applicationId);
      const left = ranges.map(({ partition, to }) => {
        const found = committed.find((entry) => entry.topic === topics.bids.name && entry.partition === partition);
        return Math.max(0, to - (found?.offset ?? 0));
      });
      const sum = left.reduce((total, part) => total + part, 0);
      onProgress(sum);
      if (sum === 0) return;
      await delay(POLL_MS, undefined, { signal });
    }
  };
  await Promise.race([done(), stopped]);
}

/** Topics, group and state. */
async function removeShadow({ broker, directory }: Platform, shadow: string): Promise<void> {
  const applicationId = applicationIdOf(shadow);
  await broker.groups.deleteOffsets(applicationId, await broker.groups.listOffsets(applicationId));
  const names = (await broker.describeTopics()).map(({ name }) => name);
  await broker.deleteTopics(names.filter((name) => isOf(shadow, name)));
  await rm(directory.state(applicationId), { recursive: true, force: true });
}
