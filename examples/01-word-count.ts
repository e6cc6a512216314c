/** Counts words: lines in, a table of counts out. Run it: `node examples/01-word-count.ts` */

import { memoryBroker, recordProducer } from 'gavel/broker';
import { memoryState } from 'gavel/stores';
import { createStreams, defineTopic, integerSerde, stream, stringSerde, topology } from 'gavel/streams';

const lines = defineTopic({ name: 'lines', key: stringSerde, value: stringSerde });
const counts = defineTopic({ name: 'counts', key: stringSerde, value: integerSerde, cleanup: 'compact' });
const TEXT = ['the quick brown fox', 'jumps over the lazy dog', 'and the dog sleeps'];

// The topology: one immutable value. Every step has a name; the one that regroups goes through a topic of its own.
const words = stream({ name: 'lines', topic: lines }).flatMap({
  name: 'split',
  to: ({ value }) => value.split(' ').map((word) => [word, word]),
});
const counted = words
  .groupBy({ name: 'words', by: ({ key }) => key, key: stringSerde, value: stringSerde })
  .count({ name: 'counted' })
  .toStream()
  .peek({ name: 'print', run: ({ key, value }) => print(key, value) });
const wordCount = topology({ 'count-words': [counted.to({ name: 'counts', topic: counts })] });

// Everything in memory. To keep it: openEmbeddedBroker({ directory }) and levelState({ directory }).
const allPrinted = Promise.withResolvers<void>();
let left = TEXT.join(' ').split(' ').length;
const broker = memoryBroker();
const app = createStreams({ applicationId: 'word-count', topology: wordCount, broker, state: memoryState() });
await app.start();
await recordProducer(broker).send(
  lines,
  TEXT.map((value) => ({ key: null, value })),
);
await allPrinted.promise;
await app.close();
await broker.close();

function print(word: string, count: number): void {
  console.log(`${word} ${count}`);
  if (--left === 0) allPrinted.resolve();
}
