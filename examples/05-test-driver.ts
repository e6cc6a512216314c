/**
 * Tests a topology against crashes, without a broker and without waiting: the driver runs the production engine in memory,
 * on a clock that stands still until it is moved. Run it: `node examples/05-test-driver.ts`
 */

import assert from 'node:assert/strict';
import { defineTopic, integerSerde, stream, stringSerde, topology } from 'gavel/streams';
import type { Timestamped } from 'gavel/streams';
import { createTestDriver } from 'gavel/testing';

const payments = defineTopic({ name: 'payments', key: stringSerde, value: integerSerde, partitions: 4 });
const balances = defineTopic({ name: 'balances', key: stringSerde, value: integerSerde, partitions: 4 });

const sums = stream({ name: 'payments', topic: payments })
  .groupByKey({ key: stringSerde })
  .reduce({ name: 'sums', value: integerSerde, reduce: (sum, { value }) => sum + value });
const bank = topology({ bank: [sums.toStream().to({ name: 'balances', topic: balances })] });

// Two instances share four partitions.
await using driver = await createTestDriver({ topology: bank, instances: 2 });
const accounts = ['ada', 'bob', 'cyd', 'dan', 'eve'];
const pay = () => accounts.map((key) => ({ key, value: 10 }));
await driver.pipe(payments, pay());
assert.equal((await driver.read(balances)).length, 5);
console.log('two instances: five payments, five balances');

// One dies in the middle of its work; half a minute later the group has noticed and the other has restored its accounts.
await driver.send(payments, pay());
await driver.kill(1);
await driver.advance(30_000);
assert.deepEqual(new Set((await driver.read(balances)).map(({ value }) => value)), new Set([20]));
console.log('one was killed: nothing was lost and nothing was counted twice');

// It comes back and takes its share again.
await driver.start(1);
await driver.pipe(payments, pay());
assert.equal((await driver.read(balances)).length, 5);
const answers = [0, 1].map((instance) => driver.store<string, Timestamped<number>>('sums', instance).get('ada'));
const [row] = (await Promise.all(answers)).flatMap(({ value }) => value ?? []);
assert.equal(row?.value, 30);
console.log(`it came back: ada has ${row?.value}`);
