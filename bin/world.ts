/** What a command sees of the process it runs in, so that tests can hand in another one. */

export interface Output {
  write(text: string): unknown;
  readonly isTTY?: boolean;
  readonly columns?: number;
  readonly rows?: number;
}

export interface World {
  readonly env: Readonly<Record<string, string | undefined>>;
  /** Where the caller stands: relative paths of flags and settings begin here. */
  readonly directory: string;
  /** Results only. */
  readonly stdout: Output;
  /** Errors, warnings, progress and log lines. */
  readonly stderr: Output;
  /** Aborts at the first Ctrl-C or SIGTERM: finish what was begun, then return. */
  readonly interrupted: AbortSignal;
}

/** What the command leaves with. */
export const EXIT = Object.freeze({
  OK: 0,
  CHECK_FAILED: 1,
  USAGE: 2,
  UNREACHABLE: 3,
  UNSAFE: 4,
  INTERRUPTED: 130,
});

export type ExitCode = (typeof EXIT)[keyof typeof EXIT];
