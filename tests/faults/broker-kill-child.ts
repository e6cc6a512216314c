/** Writes transactions into an embedded broker until it is killed: argv = directory, durability. Prints the number of each one that was acknowledged. */

import { writeSync } from 'node:fs';
import { openEmbeddedBroker } from '../../broker/index.ts';
import { batch } from '../contract/broker-support.ts';
import { GROUP, INPUT, KEYS, OPTIONS, TOPICS, filler, keyOf } from './broker-kill-plan.ts';

const [directory = '', durability = 'process'] = process.argv.slice(2);
const owner = { command: 'killed', pid: process.pid };
const broker = await openEmbeddedBroker({ ...OPTIONS, directory, owner, durability: durability as 'process' });
await broker.createTopics(TOPICS);
const [committed] = await broker.groups.committedOffsets(GROUP, [INPUT]);
const nobody = { groupId: GROUP, generation: -1, memberId: '' };
const producer = broker.transactionalProducer('writer');
await producer.init();

for (let n = committed?.offset ?? 0; ; n++) {
  const transaction = producer.begin();
  const batches = [0, 1, 2].map((partition) => batch('out', partition, `${n}`));
  const changes = batch('changes', 0, `${keyOf(n)}:${n}-${filler(n)}`, `${keyOf(n + KEYS / 2)}:${n}-${filler(n)}`);
  await transaction.produce([...batches, changes, batch('purged', 0, `${n}`)]);
  await transaction.commitOffsets(nobody, [{ ...INPUT, offset: n + 1, metadata: `${n}` }]);
  const produced = await transaction.commit();
  writeSync(1, `${n}\n`);
  const purged = produced.at(-1)?.baseOffset ?? 0;
  if (n % 7 === 0) await broker.deleteRecords([{ topic: 'purged', partition: 0, offset: purged }]);
  if (n % 20 === 0) void broker.clean();
}
