/** Completes orders with the customer (a table) and the currency (a global table). Run it: `node examples/04-joins.ts` */

import { defineTopic, globalTable, jsonSerde, stream, stringSerde, table, topology } from 'gavel/streams';
import { createTestDriver } from 'gavel/testing';

interface Order {
  readonly customer: string;
  readonly amount: number;
  readonly currency: string;
}

interface Customer {
  readonly name: string;
}

const orders = defineTopic({ name: 'orders', key: stringSerde, value: jsonSerde<Order>() });
const customers = defineTopic({
  name: 'customers',
  key: stringSerde,
  value: jsonSerde<Customer>(),
  cleanup: 'compact',
});
const currencies = defineTopic({ name: 'currencies', key: stringSerde, value: stringSerde, cleanup: 'compact' });
const receipts = defineTopic({ name: 'receipts', key: stringSerde, value: stringSerde });

// Orders come by order number. A table is joined by key, so they are first sent to where the customer is: without the
// repartition this does not compile.
const byCustomer = stream({ name: 'orders', topic: orders })
  .selectKey({ name: 'customer', by: ({ value }) => value.customer })
  .repartition({ name: 'orders-by-customer', key: stringSerde, value: jsonSerde<Order>() });

// A global table is whole on every instance, so any field can be looked up in it, but for display only: its time is its own.
const symbols = globalTable({ name: 'symbols', topic: currencies });

const complete = byCustomer
  .leftJoin({
    name: 'with-customer',
    table: table({ name: 'known-customers', topic: customers }),
    to: ({ value }, customer) => ({ ...value, name: customer?.name ?? 'a stranger' }),
  })
  .joinGlobal({
    name: 'with-symbol',
    table: symbols,
    by: ({ value }) => value.currency,
    to: ({ value }, symbol) => `${value.name} paid ${symbol}${value.amount}`,
  });

await using driver = await createTestDriver({
  topology: topology({ receipts: [complete.to({ name: 'receipts', topic: receipts })] }),
});
await driver.pipe(currencies, [
  { key: 'EUR', value: '€' },
  { key: 'USD', value: '$' },
]);
await driver.pipe(customers, [{ key: 'c1', value: { name: 'Ada' } }]);
await driver.pipe(orders, [
  { key: 'o1', value: { customer: 'c1', amount: 20, currency: 'EUR' } },
  { key: 'o2', value: { customer: 'c2', amount: 5, currency: 'USD' } },
  { key: 'o3', value: { customer: 'c1', amount: 7, currency: 'XYZ' } }, // no such currency: an inner join drops it
]);
for (const { value } of await driver.read(receipts)) console.log(value);
