/** One-step topologies for tests of the engine: a source, a processor that the test writes, a sink. */

import { defineTopic, keyValueStore, port, processor, sink, source, stringSerde, topology } from 'gavel/streams';
import type {
  Header,
  Processor,
  ProcessorContext,
  SourceOptions,
  StoreSpec,
  Topic,
  TopicOptions,
  Topology,
} from 'gavel/streams';

export const rows = keyValueStore({ name: 'rows', key: stringSerde, value: stringSerde });

export type StepPorts = { readonly out: readonly [string, string] };
export type StepContext = ProcessorContext<StepPorts, { readonly rows: StoreSpec<string, string> }>;
export type Step = (context: StepContext) => Processor<string, string>;

export const textTopic = (
  options: Pick<TopicOptions<string, string>, 'name'> & Partial<TopicOptions<string, string>>,
) => defineTopic({ key: stringSerde, value: stringSerde, partitions: 1, ...options });

export const input = textTopic({ name: 'in' });
export const output = textTopic({ name: 'out' });

export interface StepOptions {
  readonly from?: Topic<string, string>;
  readonly to?: Topic<string, string>;
  readonly store?: StoreSpec<string, string>;
  readonly source?: Partial<SourceOptions<string, string>>;
}

/** `in` → the step → `out`, with a store `rows`, in a sub-topology `step`. */
export function stepTopology(create: Step, options: StepOptions = {}): Topology {
  const { from = input, to = output, store = rows } = options;
  const records = source({ name: 'in', topic: from, ...options.source });
  const step = processor({
    name: 'step',
    from: [records.out],
    ports: { out: port<string, string>() },
    stores: { rows: store },
    create,
  });
  return topology({ step: [sink({ name: 'out', from: [step.out.out], topic: to })] });
}

/** Forwards every record and keeps its value. */
export const keepAndForward: Step = (context) => ({
  process({ key, value }) {
    context.stores.rows.put(key, value);
    context.forward('out', key, value);
  },
});

export const pairs = (records: readonly { readonly key: unknown; readonly value: unknown }[]): unknown[][] =>
  records.map(({ key, value }) => [key, value]);

export const values = (records: readonly { readonly value: unknown }[]): unknown[] => records.map(({ value }) => value);

export const headersOf = (record: { readonly headers: readonly Header[] } | undefined): { [key: string]: string } =>
  Object.fromEntries((record?.headers ?? []).map(({ key, value }) => [key, String(value)]));
