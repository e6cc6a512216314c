/** The options of an application, their defaults, and their validation. */

import type { Broker } from '../broker.ts';
import { GavelError } from '../errors.ts';
import type { Topology } from '../graph/topology.ts';
import type { StateBackend } from '../state.ts';
import type { Clock } from '../time.ts';
import { systemClock } from '../time.ts';
import type { CommitStep } from './commit.ts';
import type { FailureStage } from './dead-letter.ts';
import type { MetricsHook } from './metrics.ts';
import { NO_METRICS } from './metrics.ts';

/** What becomes of a record that fails: `fail` stops the instance, `skip` drops and counts it, `dead-letter` sends it to `<topic>.dlq`. */
export type FailureAnswer = 'fail' | 'skip' | 'dead-letter';

export interface Failure {
  readonly stage: FailureStage;
  readonly task: string;
  readonly topic: string;
  readonly partition: number;
  readonly offset: number;
  readonly error: unknown;
}

export type FailureHandler = (failure: Failure) => FailureAnswer;

export interface FailureHandlers {
  /** Bytes that the serde refuses. Default `dead-letter`. */
  readonly deserialization: FailureHandler;
  /** A processor that throws. Default `fail`. */
  readonly processing: FailureHandler;
  /** A record that cannot be written: its serde throws, or it is too large. Default `fail`. */
  readonly production: FailureHandler;
}

export type InstanceState = 'created' | 'joining' | 'running' | 'draining' | 'closed' | 'failed';

export interface Listeners {
  readonly onState?: (state: InstanceState) => void;
  /** A task's state is restored: called with progress, and at the end with nothing remaining. */
  readonly onRestore?: (progress: {
    readonly task: string;
    readonly restored: number;
    readonly remaining: number;
  }) => void;
  /** Something a person should know although work goes on: rebuilt state, a producer initialized again, a lost membership. */
  readonly onWarning?: (warning: { readonly code: string; readonly message: string }) => void;
}

export interface StreamsOptions {
  /** Names the consumer group, the internal topics and the transactional ids. */
  readonly applicationId: string;
  readonly topology: Topology;
  readonly broker: Broker;
  readonly state: StateBackend;
  readonly clock?: Clock;
  /** Unique among the live instances of the application; the transactional id follows from it. Default `0`. */
  readonly instanceId?: string;
  /** Default `exactly-once`. */
  readonly guarantee?: 'exactly-once' | 'at-least-once';
  /** Milliseconds between the starts of two commits while input flows; idle input commits at once. Default 20. */
  readonly commitIntervalMs?: number;
  /** Milliseconds that a task waits for an input at the end of its log before it goes on with the others. Default 0. */
  readonly maxTaskIdleMs?: number;
  /** Bytes of fetched input kept per partition. Default 4 MiB. */
  readonly bufferedBytesMax?: number;
  /** Bytes of output of one epoch before processing waits for the commit. Default 16 MiB. */
  readonly stagedBytesMax?: number;
  /** Rows changed in one epoch before processing waits for the commit. Default 50,000. */
  readonly stagedRowsMax?: number;
  /** Default 10,000 and 30,000. */
  readonly sessionTimeoutMs?: number;
  readonly rebalanceTimeoutMs?: number;
  /** Milliseconds between purges of repartition topics. Default 30,000. */
  readonly purgeIntervalMs?: number;
  readonly handlers?: Partial<FailureHandlers>;
  readonly metrics?: MetricsHook;
  readonly listeners?: Listeners;
  /** Append clock records where sources declare them. Default true; a shadow never does. */
  readonly clockRecords?: boolean;
  /** False: restore the state and answer queries, but join no group and process nothing. Default true. */
  readonly processing?: boolean;
  /** Sees every value that enters a store or is decoded from one; tests freeze them. */
  readonly onValue?: (value: unknown) => unknown;
  /** Called before each step of a commit; tests let an instance die here. */
  readonly onCommitStep?: (step: CommitStep) => void;
}

export type Settings = Required<Omit<StreamsOptions, 'handlers' | 'onValue'>> & {
  readonly handlers: FailureHandlers;
  readonly onValue: ((value: unknown) => unknown) | undefined;
};

export const STREAMS_DEFAULTS = Object.freeze({
  clock: systemClock,
  instanceId: '0',
  guarantee: 'exactly-once',
  commitIntervalMs: 20,
  maxTaskIdleMs: 0,
  bufferedBytesMax: 4 * 1024 * 1024,
  stagedBytesMax: 16 * 1024 * 1024,
  stagedRowsMax: 50_000,
  sessionTimeoutMs: 10_000,
  rebalanceTimeoutMs: 30_000,
  purgeIntervalMs: 30_000,
  metrics: NO_METRICS,
  listeners: Object.freeze({}),
  clockRecords: true,
  processing: true,
  onCommitStep: () => undefined,
} as const) satisfies Partial<StreamsOptions>;

const HANDLER_DEFAULTS: FailureHandlers = Object.freeze({
  deserialization: () => 'dead-letter',
  processing: () => 'fail',
  production: () => 'fail',
});

const REQUIRED = ['applicationId', 'topology', 'broker', 'state'] as const;
const NAME = /^[A-Za-z0-9][A-Za-z0-9._-]{0,99}$/;

/** Fills in the defaults. @throws GavelError `OPTION_INVALID` naming every fault */
export function resolveOptions(options: StreamsOptions): Settings {
  const known = new Set<string>([...REQUIRED, ...Object.keys(STREAMS_DEFAULTS), 'handlers', 'onValue']);
  const faults: string[] = [];
  for (const name of Object.keys(options))
    if (!known.has(name)) faults.push(`unknown option "${name}"${suggest(name, known)}`);
  for (const name of REQUIRED) if (options[name] === undefined) faults.push(`option "${name}" is missing`);
  for (const name of ['applicationId', 'instanceId'] as const) {
    const value = options[name];
    if (value !== undefined && !NAME.test(value))
      faults.push(`"${value}" is no ${name}: use letters, digits, ".", "_" and "-"`);
  }
  const settings: Settings = {
    ...STREAMS_DEFAULTS,
    ...options,
    handlers: { ...HANDLER_DEFAULTS, ...options.handlers },
    onValue: options.onValue,
  };
  for (const [name, value] of Object.entries(settings)) {
    if (/(Ms|Max)$/.test(name) && !(typeof value === 'number' && Number.isFinite(value) && value >= 0)) {
      faults.push(`option "${name}" is ${JSON.stringify(value)}, not a number ≥ 0`);
    }
  }
  if (faults.length > 0) throw new GavelError('OPTION_INVALID', faults.join('; '));
  return settings;
}

function suggest(name: string, known: ReadonlySet<string>): string {
  const close = [...known].find((other) => other.toLowerCase() === name.toLowerCase() || distance(name, other) <= 2);
  return close === undefined ? '' : `, did you mean "${close}"?`;
}

/** Levenshtein distance. */
function distance(a: string, b: string): number {
  let row = Array.from({ length: b.length + 1 }, (_, i) => i);
  for (let i = 1; i <= a.length; i++) {
    const next = [i];
    for (let j = 1; j <= b.length; j++) {
      const same = a[i - 1] === b[j - 1] ? 0 : 1;
      next[j] = Math.min((row[j] as number) + 1, (next[j - 1] as number) + 1, (row[j - 1] as number) + same);
    }
    row = next;
  }
  return row[b.length] as number;
}
