/** The rule for task names, which are also names of directories. */
import { GavelError } from '../streams/errors.ts';

const TASK_NAME = /^(?!\.+$)[A-Za-z0-9._-]{1,200}$/;

/** True where `name` can be a task: 1 to 200 letters, digits, `-`, `_` and `.`, not dots alone. */
export function isTaskName(name: string): boolean {
  return TASK_NAME.test(name);
}

/** @throws GavelError `OPTION_INVALID` where `task` is no task name. */
export function requireTaskName(task: string): void {
  if (isTaskName(task)) return;
  throw new GavelError('OPTION_INVALID', `'${task}' cannot name a task`, {
    hint: 'Use 1 to 200 letters, digits, "-", "_" and "."; a name of dots alone is refused.',
  });
}
