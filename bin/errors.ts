/** What a failed command prints, and the code it leaves with. */

import type { ErrorCode } from 'gavel/streams';
import { isGavelError } from 'gavel/streams';

import type { ExitCode } from './world.ts';
import { EXIT } from './world.ts';

/** Errors that are no failed check: the caller's words, something out of reach, or a missing consent. */
const EXIT_BY_CODE: Partial<Record<ErrorCode, ExitCode>> = {
  USAGE: EXIT.USAGE,
  OPTION_INVALID: EXIT.USAGE,
  BROKER_UNAVAILABLE: EXIT.UNREACHABLE,
  BROKER_CLOSED: EXIT.UNREACHABLE,
  REGISTRY_UNAVAILABLE: EXIT.UNREACHABLE,
  DIRECTORY_OWNED: EXIT.UNREACHABLE,
  STATE_LOCKED: EXIT.UNREACHABLE,
  STORAGE_FULL: EXIT.UNREACHABLE,
  NO_PROGRESS: EXIT.UNREACHABLE,
  UNSAFE: EXIT.UNSAFE,
};

export function exitCodeOf(error: unknown): ExitCode {
  return (isGavelError(error) ? EXIT_BY_CODE[error.code] : undefined) ?? EXIT.CHECK_FAILED;
}

/** Code, one sentence, the fix; an error that is none of ours with its stack, for it is a fault of the program. */
export function describeError(error: unknown): string {
  if (isGavelError(error)) {
    const fix = error.hint === undefined ? '' : `\n  fix: ${error.hint}`;
    return `error ${error.code}: ${error.message}${fix}\n`;
  }
  const text = error instanceof Error ? (error.stack ?? error.message) : String(error);
  return `error UNEXPECTED: ${text}\n  fix: this is a fault of gavel; please report it with the lines above\n`;
}
