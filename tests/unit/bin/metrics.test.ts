import { expect, test } from 'vitest';

import { Metrics } from '../../../bin/metrics.ts';
import { openMetricsServer } from '../../../bin/metrics-server.ts';

test('counts, observes and sets what the engine tells, beside the defaults of the process', async () => {
  const metrics = new Metrics();
  metrics.count('bids_total', { outcome: 'REJECTED', reason: 'TOO_LOW' }, 3);
  metrics.observe('commit_duration_seconds', 0.004, {});
  metrics.gauge('consumer_lag_records', 7, { topic: 'auction.bids', partition: '2' });
  const text = await metrics.text();
  expect(text).toContain('gavel_bids_total{outcome="REJECTED",reason="TOO_LOW"} 3');
  expect(text).toContain('gavel_commit_duration_seconds_bucket{le="0.005"} 1');
  expect(text).toContain('gavel_consumer_lag_records{topic="auction.bids",partition="2"} 7');
  expect(text).toContain('process_cpu_seconds_total');
  expect(text).toMatch(/gavel_build_info\{version="\d+\.\d+\.\d+"\} 1/);
});

test('a metric of an author of a processor is made as it comes', async () => {
  const metrics = new Metrics();
  metrics.count('words_total', { language: 'en' }, 2);
  expect(await metrics.text()).toContain('gavel_words_total{language="en"} 2');
});

test('serves metrics and health, and is ready only when nothing is missing', async () => {
  let missing: string | undefined = 'judge-0 restores';
  await using server = await openMetricsServer({
    port: 0,
    metrics: new Metrics(),
    collect: () => undefined,
    notReady: () => missing,
  });
  const get = (path: string) => fetch(`${server.address}${path}`);
  expect((await get('/healthz')).status).toBe(200);
  const waiting = await get('/readyz');
  expect([waiting.status, await waiting.text()]).toEqual([503, 'judge-0 restores\n']);
  missing = undefined;
  expect((await get('/readyz')).status).toBe(200);
  expect((await get('/nothing')).status).toBe(404);
  const metrics = await get('/metrics');
  expect(metrics.headers.get('content-type')).toContain('text/plain');
  expect(await metrics.text()).toContain('gavel_http_request_duration_seconds_count{route="/readyz",status="503"} 1');
});

test('a taken port is an error with a way out', async () => {
  await using first = await openMetricsServer({
    port: 0,
    metrics: new Metrics(),
    collect: () => undefined,
    notReady: () => undefined,
  });
  const port = Number(new URL(first.address).port);
  await expect(
    openMetricsServer({ port, metrics: new Metrics(), collect: () => undefined, notReady: () => undefined }),
  ).rejects.toMatchObject({
    code: 'OPTION_INVALID',
    message: `port ${port} is taken by another program`,
    hint: expect.stringContaining('--port'),
  });
});
