/** What an error of classic-level means. LevelDB tells apart by text only, so this is the one place that reads texts. */
import { GavelError } from '../streams/errors.ts';

const NO_ROOM = /No space left on device|Disk quota exceeded|File too large|not enough space|ENOSPC|EDQUOT/i;
/** Files LevelDB needs and cannot find, or that are shorter than its table of contents says. */
const DAMAGED = /No such file or directory|Invalid argument|cannot find the/i;
const LOCKED = /^LEVEL_LOCKED$/;
const NOT_OPEN = /^LEVEL_(DATABASE|ITERATOR|BATCH)_NOT_OPEN$/;

/** The error for the caller; `doing` begins its message, e.g. `state of task judge-2, reading`. */
export function levelError(error: unknown, doing: string): GavelError {
  if (error instanceof GavelError) return error;
  const { code, text } = origin(error);
  const message = `${doing}: ${text}`;
  if (LOCKED.test(code)) {
    return new GavelError('STATE_LOCKED', message, {
      cause: error,
      hint: 'Another process, or this one, has this store open: stop it, or give this instance a state directory of its own.',
    });
  }
  if (NO_ROOM.test(text)) {
    return new GavelError('STORAGE_FULL', message, {
      cause: error,
      hint: 'Free space on the disk of the state directory, then start again.',
    });
  }
  if (code === 'LEVEL_CORRUPTION' || text.startsWith('Corruption') || DAMAGED.test(text))
    return corruptState(message, error);
  if (NOT_OPEN.test(code)) return new GavelError('ILLEGAL_STATE', message, { cause: error });
  return new GavelError('STORAGE_FAILED', message, {
    cause: error,
    hint: 'Look at the permissions of the state directory, the limit of open files and the health of the disk.',
  });
}

/** State that cannot be trusted. */
export function corruptState(message: string, cause?: unknown): GavelError {
  return new GavelError('STATE_CORRUPT', message, {
    cause,
    hint: 'Destroy the store and open it again: it is restored from its changelog.',
  });
}

/** True where a file or directory is not there. */
export function isMissing(error: unknown): boolean {
  return error instanceof Error && 'code' in error && error.code === 'ENOENT';
}

/** abstract-level wraps what went wrong while opening or closing; the innermost error says it. */
function origin(error: unknown): { code: string; text: string } {
  let inner = error;
  while (inner instanceof Error && inner.cause instanceof Error) inner = inner.cause;
  if (!(inner instanceof Error)) return { code: '', text: String(inner) };
  return { code: 'code' in inner && typeof inner.code === 'string' ? inner.code : '', text: inner.message };
}
