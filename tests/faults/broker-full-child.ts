/** Writes transactions until the disk is full; prints how many were answered and what the errors were. argv = directory. */

import { writeSync } from 'node:fs';
import { openEmbeddedBroker } from '../../broker/index.ts';
import { isGavelError } from '../../streams/errors.ts';
import { batch, codeOf, topic } from '../contract/broker-support.ts';

const broker = await openEmbeddedBroker({
  directory: process.argv[2] as string,
  owner: { command: 'full', pid: process.pid },
});
await broker.createTopics([topic('a', 2, { retentionMs: -1 }), topic('bulk', 1, { retentionMs: -1 })]);
const producer = broker.transactionalProducer('id');
await producer.init();
const bulk = 'b'.repeat(10_000);
let answered = 0;
let code = '';
while (code === '') {
  const transaction = producer.begin();
  await transaction.produce([batch('a', 0, `${answered}`), batch('bulk', 0, bulk), batch('a', 1, `${answered}`)]);
  try {
    await transaction.commit();
    answered++;
  } catch (error) {
    if (!isGavelError(error)) throw error;
    code = error.code;
  }
}
const afterwards = await codeOf(broker.producer().produce([batch('a', 0, 'more')]));
writeSync(1, JSON.stringify({ answered, code, afterwards }));
process.exit(0); // closing needs the disk too
