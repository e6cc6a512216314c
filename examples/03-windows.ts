/** Counts clicks per minute, and over the last five minutes every minute. Run it: `node examples/03-windows.ts` */

import { defineTopic, integerSerde, stream, stringSerde, topology, windowedSerde } from 'gavel/streams';
import type { Windowed } from 'gavel/streams';
import { createTestDriver } from 'gavel/testing';

const MINUTE = 60_000;
const clicks = defineTopic({ name: 'clicks', key: stringSerde, value: stringSerde, partitions: 1 });
const perMinute = defineTopic({ name: 'per-minute', key: windowedSerde(stringSerde, MINUTE), value: integerSerde });
const busy = defineTopic({ name: 'busy', key: windowedSerde(stringSerde, 5 * MINUTE), value: integerSerde });

const byPage = stream({ name: 'clicks', topic: clicks }).groupByKey({ key: stringSerde });

// Tumbling windows: each click is in one. A window takes clicks until 10 s after its end; later ones are dropped and counted.
const tumbling = byPage.windowedBy({ sizeMs: MINUTE, graceMs: 10_000 }).count({ name: 'clicks-per-minute' });

// Hopping windows: each click is in five. With a cache, a window is sent once per commit and not once per click.
const hopping = byPage
  .windowedBy({ sizeMs: 5 * MINUTE, advanceMs: MINUTE, graceMs: 0 })
  .count({ name: 'clicks-in-five', cached: true });

const counting = topology({
  clicks: [
    tumbling.toStream().to({ name: 'per-minute', topic: perMinute }),
    hopping
      .toStream()
      .filter({ name: 'busy-pages', where: ({ value }) => value >= 3 })
      .to({ name: 'busy', topic: busy }),
  ],
});

// The production engine in memory, on a clock of its own.
await using driver = await createTestDriver({ topology: counting });
const noon = Date.UTC(2026, 0, 1, 12);
const click = (page: string, seconds: number) => ({ key: page, value: 'click', timestamp: noon + seconds * 1_000 });
await driver.pipe(clicks, [
  click('/home', 5),
  click('/home', 50),
  click('/sale', 65),
  click('/home', 58), // 7 s behind, still in time
  click('/home', 70),
  click('/home', 59), // stream time is 12:01:10 now: too late for 12:00, not for the windows of five minutes that are open
]);
for (const { key, value } of await driver.read(perMinute)) console.log(`${show(key)} ${value}`);
for (const { key, value } of await driver.read(busy)) console.log(`busy: ${show(key)} ${value}`);

function show(window: Windowed<string> | null): string {
  if (window === null) return 'no window';
  const [from, to] = [window.start, window.end].map((time) => new Date(time).toISOString().slice(11, 16));
  return `${window.key} ${from} to ${to}:`;
}
