/** What the operators of the DSL have in common: a step with one output. */

import type { NoTables, Processor, ProcessorContext, StoreSpecs } from '../processor.ts';
import type { OUT } from '../graph/nodes.ts';

/** The single port that an operator forwards through. */
export type Out<K, V> = { readonly [OUT]: readonly [K, V] };

export type NoStores = { readonly [alias: string]: never };

/** What an operator may use. */
export type OperatorContext<K, V, S extends StoreSpecs = NoStores> = ProcessorContext<Out<K, V>, S, NoTables>;

/** Makes the step of one task: from records of `K`, `V` to records of `K2`, `V2`. */
export type Operator<K, V, K2, V2, S extends StoreSpecs = NoStores> = (
  context: OperatorContext<K2, V2, S>,
) => Processor<K, V>;
