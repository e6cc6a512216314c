/** The stream time of one operator: the highest record time it has seen, kept in a row of its own (semantics 3). */

import { integerSerde, stringSerde } from '../serde.ts';
import { keyValueStore } from '../graph/nodes.ts';
import type { StoreSpec } from '../graph/nodes.ts';
import type { KeyValueStore } from '../processor.ts';

export const NOTHING_OBSERVED = -1;
const ROW = 'observed';

/** The store of the row: `<operator>-time`. */
export function observedTimeStore(options: {
  readonly name: string;
  readonly logged: boolean;
}): StoreSpec<string, number> {
  const { name, logged } = options;
  return keyValueStore({ name: `${name}-time`, key: stringSerde, value: integerSerde, cacheEntries: 2, logged });
}

/** Written once per epoch, at the cut: most records move it. */
export class ObservedTime {
  readonly #store: KeyValueStore<string, number>;
  /** Undefined until it is first asked for: the row may still be restored when the operator is made. */
  #time: number | undefined;
  #changed = false;

  constructor(store: KeyValueStore<string, number>) {
    this.#store = store;
  }

  /** Milliseconds; -1 before the first record. */
  get time(): number {
    return (this.#time ??= this.#store.get(ROW) ?? NOTHING_OBSERVED);
  }

  /** Moves it on to `time`, never back, and answers where it stands. */
  advance(time: number): number {
    if (time <= this.time) return this.time;
    this.#changed = true;
    return (this.#time = time);
  }

  flush(): void {
    if (this.#changed && this.#time !== undefined) this.#store.put(ROW, this.#time);
    this.#changed = false;
  }

  rollback(): void {
    this.#time = undefined;
    this.#changed = false;
  }
}
