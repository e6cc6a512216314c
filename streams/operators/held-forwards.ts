/** Where a table's updates leave: at once, or held back so that one key leaves once per epoch (semantics 21). */

import { OUT } from '../graph/nodes.ts';
import type { ForwardOptions, Processor } from '../processor.ts';
import { serializeToBuffer } from '../serde.ts';
import type { Serde } from '../serde.ts';
import type { Out } from './operator.ts';
import type { ProcessorContext, StoreSpecs } from '../processor.ts';

export interface CachingOptions<K> {
  readonly key: Serde<K>;
  /** Whether updates are held back. */
  readonly cached: boolean;
  /** Keys held back at most; the one updated longest ago is forwarded to make room. */
  readonly cacheEntries: number;
}

export type Forward<K, V> = (key: K, value: V, options: ForwardOptions) => void;

/** How a processor forwards, with the hooks that it must hand on to the engine. */
export interface Forwards<K, V> extends Required<Pick<Processor<K, V>, 'flush' | 'rollback'>> {
  readonly forward: Forward<K, V>;
}

export function forwardsOf<K, V>(
  context: Pick<ProcessorContext<Out<K, V>, StoreSpecs>, 'forward'>,
  options: CachingOptions<K>,
): Forwards<K, V> {
  const send: Forward<K, V> = (key, value, record) => context.forward(OUT, key, value, record);
  return options.cached ? new HeldForwards(send, options) : { forward: send, flush() {}, rollback() {} };
}

interface Held<K, V> {
  readonly key: K;
  readonly value: V;
  readonly options: ForwardOptions;
}

/** The latest update of each key in the context of its record, in the order of those updates. */
class HeldForwards<K, V> implements Forwards<K, V> {
  readonly #send: Forward<K, V>;
  readonly #options: CachingOptions<K>;
  readonly #held = new Map<unknown, Held<K, V>>();

  constructor(send: Forward<K, V>, options: CachingOptions<K>) {
    this.#send = send;
    this.#options = options;
  }

  forward(key: K, value: V, options: ForwardOptions): void {
    const id = typeof key === 'string' ? key : serializeToBuffer(this.#options.key, key).toString('latin1');
    if (!this.#held.delete(id) && this.#held.size >= this.#options.cacheEntries) this.#evict();
    this.#held.set(id, { key, value, options });
  }

  flush(): void {
    for (const { key, value, options } of this.#held.values()) this.#send(key, value, options);
    this.#held.clear();
  }

  rollback(): void {
    this.#held.clear();
  }

  #evict(): void {
    for (const [id, { key, value, options }] of this.#held) {
      this.#held.delete(id);
      return this.#send(key, value, options);
    }
  }
}
