import fc from 'fast-check';
import { expect, it } from 'vitest';
import type { IngestOptions } from '../../../ingest/ingest.ts';
import type { Journal, LogEntry, RecordSender } from '../../../ingest/ports.ts';
import { bidLine, bidsCsv, file, itemsCsv, rig, type Rig } from '../../unit/ingest/rig.ts';

/** What a kill leaves of the call that it hits: nothing of it, all of it, or what went to some partitions. */
type Damage = 'before' | 'after' | 'partition 0' | 'partition 1' | 'partition 2';

interface Kill {
  /** Counts sends and saves of the journal. */
  readonly atCall: number;
  readonly damage: Damage;
}

class Killed extends Error {}

/** The rig's sender and journal, which die at the given call. */
function mortal(r: Rig, { atCall, damage }: Kill): Pick<IngestOptions, 'sender' | 'journal'> {
  let call = 0;
  const sender: RecordSender = {
    async send(topic, records) {
      if (call++ !== atCall) return r.sender.send(topic, records);
      const partition = damage.startsWith('partition') ? Number(damage.at(-1)) : -1;
      const landing = damage === 'after' ? records : records.filter((record) => record.partition === partition);
      if (landing.length > 0) await r.sender.send(topic, landing);
      throw new Killed();
    },
  };
  const journal: Journal = {
    load: () => r.journal.load(),
    async save(entries) {
      if (call++ !== atCall) return r.journal.save(entries);
      if (damage === 'after') await r.journal.save(entries);
      throw new Killed();
    },
  };
  return { sender, journal };
}

/** A run may also end well: before its kill. */
async function untilKilled(run: Promise<unknown>): Promise<void> {
  try {
    await run;
  } catch (error) {
    if (!(error instanceof Killed)) throw error;
  }
}

const TOPICS = [
  'auction.users',
  'auction.items',
  'auction.bids',
  'auction.pos',
  'auction.items.dlq',
  'auction.bids.dlq',
];

async function logs(r: Rig): Promise<readonly unknown[]> {
  const entries = await Promise.all(TOPICS.map((topic) => r.log(topic)));
  return entries
    .flat()
    .map(({ topic, partition, key, value, headers }: LogEntry) => [
      `${topic}:${partition}`,
      key?.toString(),
      value?.toString('hex'),
      headers.map((header) => `${header.key}=${header.value?.toString()}`),
    ]);
}

const bid = fc.record({ auction: fc.integer({ min: 1, max: 6 }), second: fc.nat(20), good: fc.nat(9) });
const kill: fc.Arbitrary<Kill> = fc.record({
  atCall: fc.nat(30),
  damage: fc.constantFrom<Damage>('before', 'after', 'partition 0', 'partition 1', 'partition 2'),
});

/** Files as their lines say; one in ten lines is bad. */
function filesOf(first: readonly BidShape[], second: readonly BidShape[]): IngestOptions['files'] {
  const lines = (name: string, bids: readonly BidShape[]): readonly string[] =>
    bids.map(({ auction, second: at, good }, i) =>
      bidLine(`${name}${i}`, `a${auction}`, at, good === 0 ? 'a lot' : '20.00'),
    );
  const users =
    'user_id,username,email,rating,is_verified,location,registered_at\nu1,Ann,,1,true,,2020-01-01T00:00:00Z\n';
  const pos = 'sale_id,auction_id,amount,currency,method,paid_at\ns1,a1,5.00,USD,card,2026-01-09T00:00:00Z\n';
  return {
    users: [file('users.csv', users)],
    items: [file('items.csv', `${itemsCsv(5)}bad line\n`)],
    bids: [file('first.csv', bidsCsv(lines('x', first))), file('second.csv', bidsCsv(lines('y', second)))],
    pos: [file('pos.csv', pos)],
  };
}

interface BidShape {
  readonly auction: number;
  readonly second: number;
  readonly good: number;
}

it('leaves the same logs and prints the same, killed at any calls and run again, as if it was never killed', async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.array(bid, { maxLength: 40 }),
      fc.array(bid, { minLength: 1, maxLength: 40 }),
      fc.array(kill, { minLength: 1, maxLength: 4 }),
      async (first, second, kills) => {
        const files = filesOf(first, second);
        const overrides = { sendBytes: 600 };
        const undisturbed = await rig();
        const expected = await undisturbed.load(files, overrides);

        const disturbed = await rig();
        for (const each of kills) {
          await untilKilled(disturbed.load(files, { ...overrides, ...mortal(disturbed, each) }));
        }
        expect(await disturbed.load(files, overrides)).toEqual(expected);
        expect(await logs(disturbed)).toEqual(await logs(undisturbed));
      },
    ),
    { numRuns: 150 },
  );
});

it('loads each line once in whatever groups files come, killed between', async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.array(bid, { minLength: 1, maxLength: 20 }),
      fc.array(bid, { minLength: 1, maxLength: 20 }),
      fc.array(fc.tuple(fc.constantFrom('first', 'second', 'both'), kill), { maxLength: 5 }),
      async (first, second, runs) => {
        const { bids = [], ...others } = filesOf(first, second);
        const r = await rig();
        for (const [which, each] of runs) {
          const some = which === 'first' ? bids.slice(0, 1) : which === 'second' ? bids.slice(1) : bids;
          await untilKilled(r.load({ ...others, bids: some }, { sendBytes: 600, close: 'none', ...mortal(r, each) }));
        }
        await r.load({ ...others, bids }, { close: 'none' });
        const sent = (await r.log('auction.bids'))
          .map(({ value }) => r.topics.bids.value.deserialize(value as Buffer))
          .flatMap((record) => (record.type === 'BidPlaced' ? [record.bidId] : []));
        const good = (name: string, shapes: readonly BidShape[]): readonly string[] =>
          shapes.flatMap(({ good: ok }, i) => (ok === 0 ? [] : [`${name}${i}`]));
        expect([...sent].sort()).toEqual([...good('x', first), ...good('y', second)].sort());
      },
    ),
    { numRuns: 100 },
  );
});
