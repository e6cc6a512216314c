/** A world that remembers what a command printed. */

import type { World } from '../../bin/world.ts';

export interface FakeWorld extends World {
  readonly out: () => string;
  readonly err: () => string;
  readonly interrupt: () => void;
}

export function fakeWorld(given: { readonly env?: World['env']; readonly directory?: string } = {}): FakeWorld {
  const out: string[] = [];
  const err: string[] = [];
  const controller = new AbortController();
  return {
    env: given.env ?? {},
    directory: given.directory ?? '/nowhere',
    stdout: { write: (text) => out.push(text) },
    stderr: { write: (text) => err.push(text) },
    interrupted: controller.signal,
    out: () => out.join(''),
    err: () => err.join(''),
    interrupt: () => controller.abort(),
  };
}
