/** Files of this machine. */

import { createReadStream } from 'node:fs';
import { GavelError } from 'gavel/streams';
import type { FileSource } from './ports.ts';

/** A file of the local file system; its name is the path. */
export function localFile(path: string): FileSource {
  return {
    name: path,
    async *open() {
      try {
        yield* createReadStream(path, { highWaterMark: 256 * 1024 });
      } catch (error) {
        const hint = 'check the path and that the file may be read';
        throw new GavelError('INPUT_INVALID', `${path} cannot be read`, { cause: error, hint });
      }
    },
  };
}
