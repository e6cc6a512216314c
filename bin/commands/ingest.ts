/** `gavel ingest`: files into the topics, each line once, and what became of their bids. */

import { accessSync, constants } from 'node:fs';
import { resolve } from 'node:path';

import { readRecords, recordProducer } from 'gavel/broker';
import { GavelError, systemClock } from 'gavel/streams';

import type { IngestOptions, IngestProgress, IngestResult } from '../../ingest/ingest.ts';
import { ingest as load } from '../../ingest/ingest.ts';
import { journalFile } from '../../ingest/journal-file.ts';
import { localFile } from '../../ingest/local-file.ts';
import { defineCommand } from '../command.ts';
import type { Platform } from '../platform.ts';
import { APPLICATION_ID, createEngine, openPlatform } from '../platform.ts';
import { printJson, printTable } from '../print.ts';
import { untilQuiet } from '../quiet.ts';
import { parseTime } from '../values.ts';
import type { World } from '../world.ts';
import { EXIT } from '../world.ts';

const KINDS = ['users', 'items', 'bids', 'pos'] as const;

export const ingest = defineCommand({
  name: 'ingest',
  summary: 'Load CSV or JSON Lines files; running it again changes nothing.',
  example: 'gavel ingest --items items.csv --bids bids.csv --json',
  settings: ['dataDir', 'durability'],
  options: {
    users: { flag: '--users <files...>', summary: 'users.csv, .jsonl, plain or .gz' },
    items: { flag: '--items <files...>', summary: 'items.csv' },
    bids: { flag: '--bids <files...>', summary: 'bids.csv; files in the order given' },
    pos: { flag: '--pos <files...>', summary: 'pos.csv' },
    close: {
      flag: '--close <which>',
      summary:
        'BATCH auctions to close: all of the items file, none, or those that ended by a time (default all with items and bids, else none)',
    },
  },
  async run({ world, settings, json, options }) {
    const files = Object.fromEntries(
      KINDS.map((kind) => [
        kind,
        (options[kind] ?? []).map((path) => localFile(readable(resolve(world.directory, path)))),
      ]),
    );
    if (KINDS.every((kind) => files[kind]?.length === 0)) {
      throw new GavelError('USAGE', 'there is nothing to load', {
        hint: 'name files with --items, --bids, --users or --pos',
      });
    }
    const close = options.close === undefined ? undefined : parseClose(options.close);
    await using platform = await openPlatform({ settings, command: 'gavel ingest', create: true });
    const result = await withEngine(platform, world, async () => {
      const sender = recordProducer(platform.broker);
      try {
        return await load({
          ...ingestPorts(platform),
          sender,
          files,
          ...(close !== undefined && { close }),
          ...reports(world),
        });
      } finally {
        await sender.close();
      }
    });
    if (json) printJson(world, result);
    else printResult(world, result);
    return result.deadLetters === 0 ? EXIT.OK : EXIT.CHECK_FAILED;
  },
});

function ingestPorts({ broker, topics, directory }: Platform) {
  return {
    broker,
    topics,
    read: (ranges) => readRecords(broker, ranges),
    journal: journalFile(directory.journal),
    groupId: APPLICATION_ID,
    clock: systemClock,
  } satisfies Partial<IngestOptions>;
}

/** Runs the engine beside `work` where nobody else does, until nothing is left to do. */
async function withEngine<T>(platform: Platform, world: World, work: () => Promise<T>): Promise<T> {
  if (platform.owner !== undefined) return work();
  await using engine = createEngine(platform, {
    listeners: { onWarning: ({ code, message }) => void world.stderr.write(`warning ${code}: ${message}\n`) },
  });
  await engine.start();
  const stopped = engine.finished.then(() => {
    throw new GavelError('ILLEGAL_STATE', 'the engine closed while files were loaded');
  });
  const worked = work().then(async (result) => {
    await untilQuiet(platform, world.interrupted);
    return result;
  });
  return await Promise.race([worked, stopped]);
}

function reports({ stderr, interrupted }: World): Pick<IngestOptions, 'onProgress' | 'onWarning' | 'signal'> {
  const onWarning = (message: string): void => void stderr.write(`warning: ${message}\n`);
  if (stderr.isTTY !== true) return { onWarning, signal: interrupted };
  const onProgress = ({ phase, what, count }: IngestProgress): void => {
    stderr.write(`\r\u001B[K${phase} ${what} ${count}`);
    if (phase === 'counting') stderr.write('\r\u001B[K');
  };
  return { onWarning, onProgress, signal: interrupted };
}

function parseClose(text: string): 'all' | 'none' | number {
  return text === 'all' || text === 'none' ? text : parseTime(text, '--close');
}

function readable(path: string): string {
  try {
    accessSync(path, constants.R_OK);
    return path;
  } catch (error) {
    throw new GavelError('OPTION_INVALID', `${path} cannot be read`, {
      cause: error,
      hint: 'check the path; relative ones begin where you stand',
    });
  }
}

function printResult(world: World, { reasons, ...counts }: IngestResult): void {
  const rows = [
    ...Object.entries(counts),
    ...Object.entries(reasons).map(([reason, count]) => [`  ${reason}`, count] as const),
  ];
  printTable(
    world,
    ['of the files', 'count'],
    rows.map(([name, count]) => [name, String(count)]),
  );
  if (counts.deadLetters > 0)
    world.stderr.write('some lines are no records; see `gavel topics tail <topic>.dlq --from earliest`\n');
}
