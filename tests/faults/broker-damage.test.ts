/** Damaged, owned and full directories of the embedded broker: what it says, and what can still be read. */

import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, readFile, readdir, rename, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { ClassicLevel } from 'classic-level';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import type { EmbeddedBroker, EmbeddedBrokerOptions } from '../../broker/index.ts';
import { openEmbeddedBroker } from '../../broker/index.ts';
import { readHeader } from '../../streams/record-batch/index.ts';
import { batch, codeOf, drain, readAll, topic, until } from '../contract/broker-support.ts';

const OWNER = { command: 'vitest', pid: process.pid };
const A = topic('a', 2, { retentionMs: -1 });

let directory = '';
beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'gavel-damage-'));
});
afterEach(() => rm(directory, { recursive: true }));

const open = (options: Partial<EmbeddedBrokerOptions> = {}): Promise<EmbeddedBroker> =>
  openEmbeddedBroker({ directory, owner: OWNER, durability: 'process', ...options });

/** Six batches of two records each in a:0. */
async function sixBatches(): Promise<void> {
  const broker = await open();
  await broker.createTopics([A]);
  const producer = broker.producer();
  for (let i = 0; i < 6; i++) await producer.produce([batch('a', 0, `v${2 * i}`, `v${2 * i + 1}`)]);
  await broker.close();
}

/** Changes the rows of the log that hold batches, by their number. */
async function tamper(change: (bytes: Buffer, number: number) => Buffer | 'delete' | 'leave'): Promise<void> {
  const level = new ClassicLevel<Buffer, Buffer>(join(directory, 'log'), {
    keyEncoding: 'buffer',
    valueEncoding: 'buffer',
  });
  let number = 0;
  for (const [key, value] of await level.iterator().all()) {
    if (key.readUInt32BE(8) === 0) continue; // a journal
    const changed = change(value, number++);
    if (changed === 'delete') await level.del(key);
    else if (changed !== 'leave') await level.put(key, changed);
  }
  await level.close();
}

describe('missing files', () => {
  test.each(['log/CURRENT', 'index/CURRENT', 'index', 'log'])(
    'without %s nothing is opened and nothing removed',
    async (gone) => {
      await sixBatches();
      await rename(join(directory, gone), join(directory, 'aside'));
      const before = (await readdir(directory, { recursive: true })).sort();
      await expect(open()).rejects.toMatchObject({
        code: 'LOG_CORRUPT',
        message: expect.stringContaining(gone) as string,
      });
      expect((await readdir(directory, { recursive: true })).sort()).toEqual(before);
      await rename(join(directory, 'aside'), join(directory, gone));
      const broker = await open();
      expect(await readAll(broker, 'a')).toHaveLength(12);
      await broker.close();
    },
  );
});

describe('damage', () => {
  test.each([
    ['a flipped bit', (bytes: Buffer) => flip(bytes)],
    ['a truncated batch', (bytes: Buffer) => bytes.subarray(0, 70)],
    ['a missing batch', () => 'delete' as const],
  ])('%s stops the reader with a message that says where, what is whole and what to do', async (_, damage) => {
    await sixBatches();
    await tamper((bytes, number) => (number === 2 || number === 3 ? damage(bytes) : 'leave'));
    const broker = await open();
    const fetcher = broker.fetcher({ maxBytesPerPartition: 1 });
    fetcher.assign('a', 0, 0);
    expect(await drain(fetcher, 4)).toEqual(['0=v0', '1=v1', '2=v2', '3=v3']);
    const [failed] = await until(() => {
      const fetched = fetcher.poll();
      return fetched.length > 0 && fetched;
    });
    expect(failed?.error).toMatchObject({ code: 'LOG_CORRUPT', retry: 'never' });
    expect(failed?.error?.message).toContain('a:0 is damaged at the offsets 4 to 5');
    expect(failed?.error?.message).toContain('those below 4 and from 8 on are whole');
    expect(failed?.error?.hint).toContain('give the records of a:0 below 8 up with deleteRecords');
    expect(fetcher.poll()).toEqual([]);

    await broker.deleteRecords([{ topic: 'a', partition: 0, offset: 8 }]);
    expect(await readAll(broker, 'a')).toEqual(['8=v8', '9=v9', '10=v10', '11=v11']);
    await broker.close();
  });

  test('at the very end says that nothing behind is whole', async () => {
    await sixBatches();
    await tamper((bytes, number) => (number === 5 ? flip(bytes) : 'leave'));
    const broker = await open();
    const fetcher = broker.fetcher();
    fetcher.assign('a', 0, 10);
    const [failed] = await until(() => {
      const fetched = fetcher.poll();
      return fetched.length > 0 && fetched;
    });
    expect(failed?.error?.message).toContain('those below 10 are whole, none behind is');
    expect(await broker.producer().produce([batch('a', 0, 'next')])).toMatchObject([{ baseOffset: 12 }]);
    await broker.close();
  });

  test('in a compacted partition leaves it alone and tells so', async () => {
    const changes = topic('changes', 1, { cleanup: 'compact' });
    let broker = await open();
    await broker.createTopics([changes]);
    for (let i = 0; i < 4; i++) await broker.producer().produce([batch('changes', 0, `k:v${i}`)]);
    await broker.close();
    await tamper((bytes, number) => (number === 1 ? flip(bytes) : 'leave'));
    const errors: string[] = [];
    broker = await open({ onCleaningError: ({ code }) => errors.push(code) });
    await broker.clean();
    await broker.clean();
    expect(errors).toEqual(['LOG_CORRUPT']);
    await broker.close();
  });
});

describe('ownership', () => {
  test('a second owner is told who is first', async () => {
    const broker = await open({ owner: { command: 'gavel dev', pid: 4711 } });
    await expect(open()).rejects.toMatchObject({
      code: 'DIRECTORY_OWNED',
      message: expect.stringMatching(/in use by `gavel dev`, process 4711, since \d{4}-\d\d-\d\dT/) as string,
    });
    await broker.close();
    await (await open()).close();
  });

  test('a killed owner is no obstacle, a living one in another process is', async () => {
    const child = spawn(process.execPath, [join(import.meta.dirname, 'broker-kill-child.ts'), directory]);
    await once(child.stdout, 'data');
    expect(await codeOf(open())).toBe('DIRECTORY_OWNED');
    child.kill('SIGKILL');
    await once(child, 'exit');
    expect(JSON.parse(await readFile(join(directory, 'owner.json'), 'utf8'))).toMatchObject({ pid: child.pid });
    const broker = await open();
    expect(JSON.parse(await readFile(join(directory, 'owner.json'), 'utf8'))).toMatchObject(OWNER);
    await broker.close();
  });
});

describe('a full disk', () => {
  test('refuses writes while there is too little room, and takes them again', async () => {
    const broker = await open({ minFreeBytes: Number.MAX_SAFE_INTEGER });
    await broker.createTopics([A]);
    const producer = broker.producer();
    await expect(producer.produce([batch('a', 0, 'x')])).rejects.toMatchObject({
      code: 'STORAGE_FULL',
      hint: expect.stringContaining('Make room') as string,
    });
    const transactions = broker.transactionalProducer('id');
    await transactions.init();
    const transaction = transactions.begin();
    await transaction.produce([batch('a', 0, 'x')]);
    const nobody = { groupId: 'g', generation: -1, memberId: '' };
    await transaction.commitOffsets(nobody, [{ topic: 'a', partition: 0, offset: 1, metadata: '' }]);
    expect(await codeOf(transaction.commit())).toBe('STORAGE_FULL');
    expect(await broker.groups.committedOffsets('g', [{ topic: 'a', partition: 0 }])).toEqual([]);
    expect(await readAll(broker, 'a')).toEqual([]);
    await broker.close();
    const roomy = await open();
    expect(await roomy.producer().produce([batch('a', 0, 'y')])).toMatchObject([{ baseOffset: 0 }]);
    await roomy.close();
  });

  test('in the middle of a write leaves what was answered, and nothing in part', async () => {
    // The shell's limit of file sizes makes LevelDB's own write fail, which no look at the disk has foreseen.
    const child = spawn('sh', ['-c', `ulimit -f 4096; exec "$0" "$1" "$2"`, process.execPath, FULL_CHILD, directory]);
    let output = '';
    child.stdout.on('data', (chunk: Buffer) => (output += chunk.toString()));
    child.stderr.pipe(process.stderr);
    await once(child, 'close');
    const { answered, code, afterwards } = JSON.parse(output) as { answered: number; code: string; afterwards: string };
    expect(code).toBe('STORAGE_FULL');
    expect(afterwards).toBe('STORAGE_FULL');
    expect(answered).toBeGreaterThan(0);
    const broker = await open();
    const whole = Array.from({ length: answered }, (_, n) => `${n}=${n}`);
    for (const partition of [0, 1]) expect(await readAll(broker, 'a', partition)).toEqual(whole);
    expect(await broker.producer().produce([batch('a', 0, 'next')])).toMatchObject([{ baseOffset: answered }]);
    await broker.close();
  });
});

describe('opening again', () => {
  test('goes on with offsets, stamps, ids of topics, offsets of groups and epochs of producers', async () => {
    const stamped = topic('stamped', 1, { timestampType: 'append', retentionMs: -1 });
    const timeline = [5_000_000, 4_000_000];
    const seen: { id: string | undefined; producerId: number; epoch: number; stamp: number | undefined }[] = [];
    for (const [round, now] of timeline.entries()) {
      const broker = await open({ clock: { now: () => now, setTimer: () => ({ cancel() {} }) } });
      await broker.createTopics([stamped]);
      const producer = broker.transactionalProducer('id');
      await producer.init();
      const transaction = producer.begin();
      await transaction.produce([batch('stamped', 0, `${round}`)]);
      const member = { groupId: 'g', generation: -1, memberId: '' };
      await transaction.commitOffsets(member, [
        { topic: 'stamped', partition: 0, offset: round, metadata: `m${round}` },
      ]);
      const [produced] = await transaction.commit();
      expect(produced?.baseOffset).toBe(round);
      const fetcher = broker.fetcher();
      fetcher.assign('stamped', 0, round);
      const [fetched] = await until(() => {
        const news = fetcher.poll();
        return (news[0]?.batches.length ?? 0) > 0 && news;
      });
      const { producerId, producerEpoch: epoch } = readHeader(fetched?.batches[0] as Buffer);
      const [described] = await broker.describeTopics();
      seen.push({ id: described?.id, producerId, epoch, stamp: produced?.timestamp });
      await broker.close();
    }
    expect(seen[1]).toEqual({ ...seen[0], epoch: (seen[0]?.epoch ?? 0) + 1 });
    const broker = await open();
    expect(await broker.groups.listOffsets('g')).toEqual([
      { topic: 'stamped', partition: 0, offset: 1, metadata: 'm1' },
    ]);
    await broker.close();
  });

  test('goes on behind the end, though retention has left no record', async () => {
    let now = 1_000;
    const clock = { now: () => now, setTimer: () => ({ cancel() {} }) };
    let broker = await open({ clock });
    await broker.createTopics([topic('short', 1, { retentionMs: 10 })]);
    await broker.producer().produce([batch('short', 0, 'x@1000', 'y@1005'), batch('short', 0, 'z@1001')]);
    now = 1_014;
    await broker.clean();
    expect(await readAll(broker, 'short')).toEqual(['0=x', '1=y', '2=z']);
    now = 1_016;
    await broker.clean();
    expect(await readAll(broker, 'short')).toEqual([]);
    expect(await broker.listOffsets([{ topic: 'short', partition: 0 }], 'earliest')).toMatchObject([{ offset: 3 }]);
    await broker.close();
    broker = await open({ clock });
    expect(await broker.listOffsets([{ topic: 'short', partition: 0 }], 'earliest')).toMatchObject([{ offset: 3 }]);
    expect(await broker.producer().produce([batch('short', 0, 'w')])).toMatchObject([{ baseOffset: 3 }]);
    await broker.close();
  });

  test('frees what deleted topics and dropped records took', async () => {
    let broker = await open();
    await broker.createTopics([A, topic('gone')]);
    await broker.producer().produce([batch('a', 0, 'x'), batch('a', 0, 'y'), batch('gone', 0, 'z')]);
    await broker.deleteTopics(['gone']);
    await broker.deleteRecords([{ topic: 'a', partition: 0, offset: 1 }]);
    await broker.close();
    broker = await open();
    await broker.clean();
    await broker.close();
    const left: string[] = [];
    await tamper((bytes) => {
      left.push(bytes.toString('latin1').slice(-3, -1));
      return 'leave';
    });
    expect(left).toHaveLength(1);
    expect(left[0]).toContain('y');
  });

  test('refuses a directory of another format', async () => {
    await (await open()).close();
    const level = new ClassicLevel(join(directory, 'index'));
    await level.put('m', JSON.stringify({ format: 99, opened: 1, nextTopicNumber: 1 }));
    await level.close();
    await expect(open()).rejects.toMatchObject({
      code: 'LOG_CORRUPT',
      message: expect.stringContaining('99') as string,
    });
  });
});

const FULL_CHILD = join(import.meta.dirname, 'broker-full-child.ts');

function flip(bytes: Buffer): Buffer {
  const damaged = Buffer.from(bytes);
  damaged[64] = (damaged[64] as number) ^ 1;
  return damaged;
}
