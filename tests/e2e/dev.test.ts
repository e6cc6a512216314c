/** `gavel dev` as its user meets it: bids at once, other commands beside it, killed and started again with nothing lost or doubled. */

import { once } from 'node:events';

import { expect, test } from 'vitest';

import type { Ran } from '../support/run-gavel.ts';
import { gavelJson, lineOf, runGavel, startGavel, temporaryFolder } from '../support/run-gavel.ts';

const DEV = ['dev', '--port', '0', '--rate', '300', '--duplicates', '0.02', '--malformed', '0.01', '--json'];
const VERDICT_TOPICS = ['auction.bids.validated', 'auction.bids.flagged', 'auction.bids.rejected'];

interface Figures {
  readonly accepted: number;
  readonly rejected: number;
  readonly duplicates: number;
  readonly closed: number;
  readonly latency: { readonly p50: number; readonly p99: number } | null;
}

interface Line {
  readonly topic: string;
  readonly partition: number;
  readonly offset: number;
  readonly type: string | null;
  readonly value: { readonly bidId: string; readonly input: { readonly partition: number; readonly offset: number } };
}

interface Status {
  readonly state: string;
  readonly judge: readonly { readonly partition: number; readonly committed: number; readonly end: number }[];
}

const tail = (topic: string, cwd: string): Promise<readonly Line[]> =>
  gavelJson<Line>(['topics', 'tail', topic, '--from', 'earliest', '--until-end'], { cwd });

/** Every bid below the judge's committed position has exactly one verdict, counted without anything of ours. */
async function countVerdicts(cwd: string): Promise<{ readonly bids: number; readonly wrong: readonly string[] }> {
  const [status] = await gavelJson<Status>(['status'], { cwd });
  const committed = new Map(status?.judge.map(({ partition, committed: offset }) => [partition, offset]));
  const unreadable = new Set((await tail('auction.bids.dlq', cwd)).map(deadLetterSource));
  const verdicts = new Map<string, number>();
  for (const topic of VERDICT_TOPICS) {
    for (const { type, value } of await tail(topic, cwd)) {
      if (type !== 'BidVerdict') continue;
      const place = `${value.input.partition}@${value.input.offset}`;
      verdicts.set(place, (verdicts.get(place) ?? 0) + 1);
    }
  }
  const bids = (await tail('auction.bids', cwd))
    .filter(({ type, partition, offset }) => type === 'BidPlaced' && offset < (committed.get(partition) ?? 0))
    .map(({ partition, offset }) => `${partition}@${offset}`)
    .filter((place) => !unreadable.has(place));
  return { bids: bids.length, wrong: bids.filter((place) => verdicts.get(place) !== 1) };
}

function deadLetterSource(line: Line): string {
  const headers = (line as unknown as { readonly headers: Readonly<Record<string, string>> }).headers;
  return `${headers['gavel-error-partition']}@${headers['gavel-error-offset']}`;
}

test('judges at once, answers others over its socket, and survives kill -9', { timeout: 120_000 }, async () => {
  await using folder = await temporaryFolder();
  const cwd = folder.path;
  const begun = performance.now();
  const dev = startGavel(DEV, { cwd });
  const first = JSON.parse(await lineOf(dev, (line) => (JSON.parse(line) as Figures).accepted > 0)) as Figures;
  expect(performance.now() - begun).toBeLessThan(10_000);
  expect(first.latency?.p50).toBeLessThan(1_000);

  const second = await runGavel(DEV, { cwd });
  expect(second.code).toBe(3);
  expect(second.stderr).toContain('another gavel dev runs');

  const [status] = await gavelJson<Status>(['status'], { cwd });
  expect(status?.state).toBe('running');
  const auctions = await gavelJson<{ readonly auctionId: string }>(['auctions', 'list'], { cwd });
  const ids = auctions.map(({ auctionId }) => auctionId);
  expect(ids.length).toBeGreaterThan(100);
  expect(ids).toEqual([...ids].sort());
  const [shown] = await gavelJson<{ readonly auctionId: string }>(['auctions', 'show', ids[0] ?? ''], { cwd });
  expect(shown?.auctionId).toBe(ids[0]);
  const [verdict] = await tail('auction.bids.validated', cwd);
  const [explained] = await gavelJson<{ readonly verdict: { readonly outcome: string } }>(
    ['bids', 'explain', verdict?.value.bidId ?? ''],
    { cwd },
  );
  expect(explained?.verdict.outcome).toBe('ACCEPTED');
  expect(counts(await runGavel(['replay', '--json'], { cwd }))).toMatchObject({ missing: 0, extra: 0, differing: 0 });

  dev.child.kill('SIGKILL');
  await once(dev.child, 'exit');
  const killed = await countVerdicts(cwd);
  expect(killed.bids).toBeGreaterThan(500);
  expect(killed.wrong).toEqual([]);

  const again = startGavel(DEV, { cwd });
  await lineOf(again, (line) => (JSON.parse(line) as Figures).accepted > 0);
  again.child.kill('SIGINT');
  expect(await again.exited).toBe(0);
  const drained = await countVerdicts(cwd);
  expect(drained.bids).toBeGreaterThan(killed.bids);
  expect(drained.wrong).toEqual([]);
  expect(counts(await runGavel(['replay', '--json'], { cwd }))).toMatchObject({ missing: 0, extra: 0, differing: 0 });
});

function counts({ code, stdout, stderr }: Ran): unknown {
  if (code === null || code > 1) throw new Error(stderr);
  return JSON.parse(stdout);
}

test('closes auctions, serves metrics, and says which port is taken', { timeout: 60_000 }, async () => {
  await using folder = await temporaryFolder();
  const cwd = folder.path;
  const dev = startGavel(['dev', '--port', '0', '--rate', '200'], { cwd });
  const greeting = await lineOf(dev, (line) => line.includes('gavel judges bids'));
  const address = /http:\/\/127\.0\.0\.1:\d+/.exec(greeting)?.[0] ?? '';
  await lineOf(dev, (line) => /closed=[1-9]/.test(line));
  const metrics = await (await fetch(`${address}/metrics`)).text();
  expect(metrics).toMatch(/gavel_bids_total\{outcome="ACCEPTED",reason=""\} [1-9]/);
  expect(metrics).toMatch(/gavel_auctions_closed_total\{status="\w+"\} [1-9]/);
  expect(metrics).toMatch(/gavel_consumer_lag_records\{topic="auction.bids",partition="0"\} \d/);
  expect((await fetch(`${address}/readyz`)).status).toBe(200);

  const taken = await runGavel(['dev', '--port', new URL(address).port, '--data-dir', 'other'], { cwd });
  expect(taken.code).toBe(2);
  expect(taken.stderr).toContain('is taken by another program');
  expect(taken.stderr).toContain('--port');
  dev.child.kill('SIGTERM');
  expect(await dev.exited).toBe(0);
});
