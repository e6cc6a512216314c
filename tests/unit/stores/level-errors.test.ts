import { expect, test } from 'vitest';
import { GavelError } from '../../../streams/errors.ts';
import { levelError } from '../../../stores/level-errors.ts';

/** As abstract-level throws them: the code beside the message, a failed opening wrapped once more. */
function thrown(code: string | undefined, message: string): Error {
  return Object.assign(new Error(message), code === undefined ? {} : { code });
}
function whileOpening(cause: Error): Error {
  return Object.assign(new Error('Database failed to open', { cause }), { code: 'LEVEL_DATABASE_NOT_OPEN' });
}

test.each([
  ['STATE_LOCKED', thrown('LEVEL_LOCKED', 'IO error: lock /s/judge-0/LOCK: Resource temporarily unavailable')],
  ['STATE_CORRUPT', thrown('LEVEL_CORRUPTION', 'Corruption: not an sstable (bad magic number)')],
  ['STATE_CORRUPT', thrown(undefined, 'Corruption: block checksum mismatch')],
  ['STATE_CORRUPT', thrown('LEVEL_IO_ERROR', 'IO error: /s/judge-0/MANIFEST-000002: No such file or directory')],
  ['STATE_CORRUPT', thrown(undefined, 'IO error: /s/judge-0/000005.ldb: Invalid argument')],
  ['STORAGE_FULL', thrown('LEVEL_IO_ERROR', 'IO error: /s/judge-0/000003.log: No space left on device')],
  ['STORAGE_FULL', thrown('LEVEL_IO_ERROR', 'IO error: /s/judge-0/000003.log: Disk quota exceeded')],
  ['STORAGE_FULL', thrown('ENOSPC', "ENOSPC: no space left on device, mkdir '/s/judge-0'")],
  ['STORAGE_FAILED', thrown('LEVEL_IO_ERROR', 'IO error: /s/judge-0/000003.log: Permission denied')],
  ['STORAGE_FAILED', thrown('LEVEL_IO_ERROR', 'IO error: /s/judge-0/000003.log: Too many open files')],
  ['STORAGE_FAILED', thrown('LEVEL_IO_ERROR', 'IO error: /s/judge-0/000003.log: Input/output error')],
])('%s: %s', (code, cause) => {
  for (const error of [cause, whileOpening(cause)]) {
    const mapped = levelError(error, 'state of task judge-0, opening');
    expect(mapped).toBeInstanceOf(GavelError);
    expect(mapped).toMatchObject({ code, message: `state of task judge-0, opening: ${cause.message}`, cause: error });
    expect(mapped.hint).toMatch(/\.$/);
  }
});

test.each(['LEVEL_DATABASE_NOT_OPEN', 'LEVEL_ITERATOR_NOT_OPEN', 'LEVEL_BATCH_NOT_OPEN'])(
  '%s without a cause is a use after closing',
  (code) => {
    expect(levelError(thrown(code, 'is not open'), 'reading').code).toBe('ILLEGAL_STATE');
  },
);

test('an error of ours stays what it is', () => {
  const error = new GavelError('STATE_CORRUPT', 'seen already');
  expect(levelError(error, 'opening')).toBe(error);
});
