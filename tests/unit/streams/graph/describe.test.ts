import { describe, expect, test } from 'vitest';
import {
  defineTopic,
  describe as describeTopology,
  globalTable,
  integerSerde,
  keyValueStore,
  port,
  processor,
  repartition,
  sink,
  source,
  stringSerde,
  topology,
} from 'gavel/streams';

const topic = (name: string) =>
  defineTopic({ name, key: stringSerde, value: stringSerde, partitions: 2, timestampType: 'append' });
const rates = globalTable({ name: 'rates', topic: topic('currency.rates') });
const rows = keyValueStore({
  name: 'orders',
  key: stringSerde,
  value: integerSerde,
  indexes: { due: (_key, value) => value },
  logged: false,
});
const totals = keyValueStore({ name: 'totals', key: stringSerde, value: integerSerde });

function shop() {
  const orders = source({ name: 'orders', topic: topic('orders'), clock: true });
  const judge = processor({
    name: 'judge',
    from: [orders.out],
    ports: { out: port<string, string>(), refused: port<string, string>() },
    stores: { rows },
    tables: { rates },
    create: () => ({ process() {} }),
  });
  const byCustomer = repartition({ name: 'by-customer', from: [judge.out.out], key: stringSerde, value: stringSerde });
  const total = processor({
    name: 'total',
    from: [byCustomer.out],
    ports: { out: port<string, string>() },
    stores: { totals },
    create: () => ({ process() {} }),
  });
  return topology({
    customers: [sink({ name: 'totals', from: [total.out.out], topic: topic('totals') })],
    judge: [byCustomer, sink({ name: 'again', from: [judge.out.refused], topic: topic('orders'), feedback: true })],
  });
}

describe('the description of a topology', () => {
  test('as text: each sub-topology behind those it reads from, with its stores and internal topics', () => {
    expect(describeTopology(shop(), 'text')).toBe(
      `
sub-topology judge
  source orders: reads orders (2 partitions, clock)
  processor judge <- orders (store orders, global table rates)
  repartition by-customer <- judge: writes <application>-by-customer-repartition
  sink again <- judge.refused: writes orders (feedback)
  store orders (not logged, index due)

sub-topology customers
  repartition by-customer: reads <application>-by-customer-repartition
  processor total <- by-customer (store totals)
  sink totals <- total: writes totals
  store totals
  changelog <application>-customers-changelog

global tables
  rates: reads currency.rates`.trim(),
    );
  });

  test('as a Mermaid flowchart', () => {
    expect(describeTopology(shop(), 'mermaid')).toBe(
      `
flowchart LR
  n0(["currency.rates"])
  n1[("rates")]
  n8(["orders"])
  n9(["#lt;application#gt;-by-customer-repartition"])
  n15(["totals"])
  subgraph n7["judge"]
    n2[/"orders"/]
    n3["judge"]
    n4[\\"by-customer"\\]
    n5[\\"again"\\]
    n6[("orders")]
    n2 --> n3
    n3 --> n4
    n3 -- "refused" --> n5
    n3 --- n6
  end
  subgraph n14["customers"]
    n10[/"by-customer"/]
    n11["total"]
    n12[\\"totals"\\]
    n13[("totals")]
    n10 --> n11
    n11 --> n12
    n11 --- n13
  end
  n0 --> n1
  n1 -.- n3
  n8 --> n2
  n4 --> n9
  n5 -. feedback .-> n8
  n9 --> n10
  n12 --> n15`.trim(),
    );
  });

  test('as JSON for programs', () => {
    const { subtopologies, globalTables } = JSON.parse(describeTopology(shop(), 'json'));
    expect(globalTables).toEqual([{ name: 'rates', topic: 'currency.rates' }]);
    expect(subtopologies[0]).toEqual({
      name: 'judge',
      inputs: [{ kind: 'source', name: 'orders', topic: 'orders', partitions: 2, clock: true }],
      processors: [
        {
          name: 'judge',
          from: [{ node: 'orders', port: 'out' }],
          ports: ['out', 'refused'],
          stores: ['orders'],
          globalTables: ['rates'],
        },
      ],
      outputs: [
        {
          kind: 'repartition',
          name: 'by-customer',
          from: [{ node: 'judge', port: 'out' }],
          topics: ['<application>-by-customer-repartition'],
          feedback: false,
        },
        {
          kind: 'sink',
          name: 'again',
          from: [{ node: 'judge', port: 'refused' }],
          topics: ['orders'],
          feedback: true,
        },
      ],
      stores: [{ name: 'orders', logged: false, indexes: ['due'] }],
      changelog: null,
    });
    expect(subtopologies[1]).toMatchObject({
      inputs: [{ kind: 'repartition', topic: '<application>-by-customer-repartition', partitions: null }],
      changelog: '<application>-customers-changelog',
    });
  });

  test.each(['text', 'mermaid', 'json'] as const)('always gives the same %s', (format) => {
    expect(describeTopology(shop(), format)).toBe(describeTopology(shop(), format));
  });
});
