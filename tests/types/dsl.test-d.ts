/** Types of the DSL, from the topic at one end to the topic at the other. */

import { describe, expectTypeOf, test } from 'vitest';
import {
  asStream,
  defineTopic,
  globalTable,
  integerSerde,
  jsonSerde,
  keyValueStore,
  port,
  stream,
  stringSerde,
  table,
  windowedSerde,
} from 'gavel/streams';
import type { SinkNode, Stream, StreamRecord, Table, Windowed } from 'gavel/streams';

interface Order {
  readonly customer: string;
  readonly cents: number;
}

interface Customer {
  readonly name: string;
}

const orderTopic = defineTopic({ name: 'orders', key: stringSerde, value: jsonSerde<Order>() });
const customerTopic = defineTopic({ name: 'customers', key: stringSerde, value: jsonSerde<Customer>() });
const numberTopic = defineTopic({ name: 'numbers', key: stringSerde, value: integerSerde });
const orders = stream({ name: 'orders', topic: orderTopic });

describe('a stream', () => {
  test('has the types of its topic', () => {
    expectTypeOf(orders).toEqualTypeOf<Stream<string, Order>>();
  });

  test('gives every function the whole record', () => {
    orders.filter({
      name: 'large',
      where: (record) => {
        expectTypeOf(record).toEqualTypeOf<StreamRecord<string, Order>>();
        return record.value.cents > 100;
      },
    });
  });

  test('infers what functions make', () => {
    const cents = orders.mapValues({ name: 'cents', to: ({ value }) => value.cents });
    expectTypeOf(cents).toEqualTypeOf<Stream<string, number>>();
    const mapped = orders.map({ name: 'map', by: ({ value }) => value.cents, to: ({ key }) => key });
    expectTypeOf(mapped).toEqualTypeOf<Stream<number, string, 'needs repartition()'>>();
    const selected = orders.selectKey({ name: 'select', by: ({ offset }) => offset });
    expectTypeOf(selected).toEqualTypeOf<Stream<number, Order, 'needs repartition()'>>();
    const flat = orders.flatMap({ name: 'flat', to: ({ value }) => value.customer.split('').map((c) => [c, 1]) });
    expectTypeOf(flat).toEqualTypeOf<Stream<string, number, 'needs repartition()'>>();
  });

  test('splits into branches by their names', () => {
    const branches = orders.split({
      name: 'split',
      branches: { large: ({ value }) => value.cents > 100, rest: () => true },
    });
    expectTypeOf(branches).toEqualTypeOf<{
      readonly large: Stream<string, Order>;
      readonly rest: Stream<string, Order>;
    }>();
  });

  test('merges only with its like, and is as well partitioned as the worst', () => {
    const merged = orders.merge({ with: [orders.peek({ name: 'p', run: () => {} })] });
    expectTypeOf(merged).toEqualTypeOf<Stream<string, Order>>();
    const worse = orders.merge({ with: [orders.selectKey({ name: 'k', by: ({ key }) => key })] });
    expectTypeOf(worse.markAsPartitioned()).toEqualTypeOf<Stream<string, Order>>();
    // @ts-expect-error the key may have changed on one way
    worse.groupByKey({ key: stringSerde });
    // @ts-expect-error numbers are no orders
    orders.merge({ with: [stream({ name: 'numbers', topic: numberTopic })] });
  });

  test('has typed ports and stores in a step of the author', () => {
    const seen = keyValueStore({ name: 'seen', key: stringSerde, value: integerSerde });
    const judged = orders.process({
      name: 'judge',
      ports: { yes: port<string, number>(), no: port<number, string>() },
      stores: { seen },
      create: (context) => ({
        process({ key, value }) {
          expectTypeOf(value).toEqualTypeOf<Order>();
          expectTypeOf(context.stores.seen.get(key)).toEqualTypeOf<number | undefined>();
          context.forward('yes', key, value.cents);
          // @ts-expect-error wrong types for this port
          context.forward('no', key, value.cents);
        },
      }),
    });
    expectTypeOf(judged.out.yes).toEqualTypeOf<Stream<string, number, 'needs repartition()'>>();
    expectTypeOf(judged.out.no).toEqualTypeOf<Stream<number, string, 'needs repartition()'>>();
    expectTypeOf(asStream({ from: judged.out.yes.from })).toEqualTypeOf<
      Stream<string, number, 'needs repartition()'>
    >();
  });

  test('goes only to a topic that takes its types', () => {
    expectTypeOf(orders.to({ name: 'out', topic: orderTopic })).toEqualTypeOf<SinkNode>();
    // @ts-expect-error a topic of numbers
    orders.to({ name: 'out', topic: numberTopic });
    const wide = defineTopic({ name: 'wide', key: stringSerde, value: jsonSerde<Order | Customer>() });
    orders.to({ name: 'out', topic: wide });
    // @ts-expect-error a customer may come, the topic takes orders only
    stream({ name: 'wide', topic: wide }).to({ name: 'out', topic: orderTopic });
    orders.to({
      name: 'out',
      topic: [orderTopic, wide],
      route: (_key, value) => (value.cents > 1 ? orderTopic : wide),
    });
  });
});

describe('what needs records of one key in one task', () => {
  const rekeyed = orders.selectKey({ name: 'by-customer', by: ({ value }) => value.customer });
  const customers = table({ name: 'customers', topic: customerTopic });

  test('is refused behind an operator that changes keys', () => {
    // @ts-expect-error needs repartition()
    rekeyed.groupByKey({ key: stringSerde });
    // @ts-expect-error needs repartition()
    rekeyed.toTable({ name: 'latest', key: stringSerde, value: jsonSerde<Order>() });
    // @ts-expect-error needs repartition()
    rekeyed.join({ name: 'join', table: customers, to: ({ value }) => value });
    const later = rekeyed.filter({ name: 'f', where: () => true });
    expectTypeOf(later).toEqualTypeOf<Stream<string, Order, 'needs repartition()'>>();
    // @ts-expect-error needs repartition(), also behind further steps
    later.groupByKey({ key: stringSerde });
  });

  test('is allowed behind a repartition', () => {
    const back = rekeyed.repartition({ name: 'again', key: stringSerde, value: jsonSerde<Order>() });
    expectTypeOf(back).toEqualTypeOf<Stream<string, Order>>();
    expectTypeOf(back.groupByKey({ key: stringSerde }).count({ name: 'c' })).toEqualTypeOf<Table<string, number>>();
  });

  test('is allowed where the author says that keys stay', () => {
    expectTypeOf(rekeyed.markAsPartitioned()).toEqualTypeOf<Stream<string, Order>>();
  });
});

describe('a table', () => {
  const customers = table({ name: 'customers', topic: customerTopic });
  const byCents = orders.groupBy({
    name: 'by-cents',
    by: ({ value }) => value.cents,
    key: integerSerde,
    value: jsonSerde<Order>(),
  });

  test('holds null where rows can be deleted', () => {
    expectTypeOf(customers).toEqualTypeOf<Table<string, Customer | null>>();
    expectTypeOf(customers.toStream()).toEqualTypeOf<Stream<string, Customer | null>>();
    customers.toStream().to({ name: 'out', topic: customerTopic });
  });

  test('is keyed by what it was grouped by', () => {
    expectTypeOf(byCents.count({ name: 'count' })).toEqualTypeOf<Table<number, number>>();
    const reduced = byCents.reduce({ name: 'r', value: jsonSerde<Order>(), reduce: (order) => order });
    expectTypeOf(reduced).toEqualTypeOf<Table<number, Order>>();
  });

  test('is null where an aggregate can delete, and only then', () => {
    const value = jsonSerde<readonly string[]>();
    const names = byCents.aggregate({
      name: 'a',
      value,
      initial: () => [],
      add: (list, record) => [...list, record.value.customer],
    });
    expectTypeOf(names).toEqualTypeOf<Table<number, readonly string[]>>();
    const few = byCents.aggregate({
      name: 'b',
      value,
      initial: () => [],
      add: (list) => (list.length > 3 ? null : list),
    });
    expectTypeOf(few).toEqualTypeOf<Table<number, readonly string[] | null>>();
  });

  test('is keyed by window and key', () => {
    const counts = byCents.windowedBy({ sizeMs: 10, graceMs: 0 }).count({ name: 'w' });
    expectTypeOf(counts).toEqualTypeOf<Table<Windowed<number>, number>>();
    const topic = defineTopic({ name: 'w', key: windowedSerde(integerSerde, 10), value: integerSerde });
    counts.toStream().to({ name: 'out', topic });
    // @ts-expect-error windows are no keys of this topic
    counts.toStream().to({ name: 'out', topic: numberTopic });
  });
});

describe('a join', () => {
  const customers = table({ name: 'customers', topic: customerTopic });
  const everywhere = globalTable({ name: 'everywhere', topic: customerTopic });

  test('has a row; a left join may have none', () => {
    const joined = orders.join({
      name: 'j',
      table: customers,
      to: (record, row) => {
        expectTypeOf(record).toEqualTypeOf<StreamRecord<string, Order>>();
        expectTypeOf(row).toEqualTypeOf<Customer>();
        return [record.value.cents, row.name] as const;
      },
    });
    expectTypeOf(joined).toEqualTypeOf<Stream<string, readonly [number, string]>>();
    const left = orders.leftJoin({ name: 'l', table: customers, to: (_record, row) => row });
    expectTypeOf(left).toEqualTypeOf<Stream<string, Customer | null>>();
  });

  test('needs the key of the table', () => {
    const byNumber = orders.selectKey({ name: 'n', by: ({ value }) => value.cents }).markAsPartitioned();
    expectTypeOf(byNumber).toEqualTypeOf<Stream<number, Order>>();
    // @ts-expect-error the table's keys are strings
    byNumber.join({ name: 'j', table: customers, to: () => 1 });
  });

  test('looks a global table up by any key, whatever the partition', () => {
    const rekeyed = orders.selectKey({ name: 'n', by: ({ value }) => value.cents });
    const named = rekeyed.joinGlobal({
      name: 'g',
      table: everywhere,
      by: ({ value }) => value.customer,
      to: (_, row) => row.name,
    });
    expectTypeOf(named).toEqualTypeOf<Stream<number, string, 'needs repartition()'>>();
    const left = rekeyed.leftJoinGlobal({ name: 'g', table: everywhere, by: () => null, to: (_, row) => row });
    expectTypeOf(left).toEqualTypeOf<Stream<number, Customer | null, 'needs repartition()'>>();
    // @ts-expect-error the global table's keys are strings
    rekeyed.joinGlobal({ name: 'g', table: everywhere, by: ({ key }) => key, to: () => 1 });
  });
});
