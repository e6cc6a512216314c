/** Watches the room on the disk, so that the log refuses writes before LevelDB is hit by a full one. */

import { statfsSync } from 'node:fs';
import { GavelError } from '../../streams/errors.ts';

/** Bytes between two looks at the disk. */
const LOOK_EVERY_BYTES = 4_194_304;

export interface FreeSpaceOptions {
  readonly directory: string;
  readonly minFreeBytes: number;
  /** Default asks the file system. */
  readonly freeBytes?: () => number;
}

export class FreeSpace {
  readonly #options: FreeSpaceOptions;
  readonly #freeBytes: () => number;
  #untilLook = 0;

  constructor(options: FreeSpaceOptions) {
    this.#options = options;
    this.#freeBytes = options.freeBytes ?? (() => availableBytes(options.directory));
  }

  /** Accounts for a write of that size. @throws GavelError `STORAGE_FULL`; takes writes again once there is room. */
  take(bytes: number): void {
    this.#untilLook -= bytes;
    if (this.#untilLook > 0) return;
    const { directory, minFreeBytes } = this.#options;
    const free = this.#freeBytes();
    if (free < minFreeBytes) {
      this.#untilLook = 0;
      throw new GavelError(
        'STORAGE_FULL',
        `only ${free} bytes are free on the disk of ${directory}, fewer than ${minFreeBytes}`,
        {
          hint: 'Make room or shorten the retention of topics; writing goes on once there is room.',
        },
      );
    }
    this.#untilLook = Math.min(LOOK_EVERY_BYTES, free - minFreeBytes);
  }
}

function availableBytes(directory: string): number {
  const { bavail, bsize } = statfsSync(directory);
  return bavail * bsize;
}
