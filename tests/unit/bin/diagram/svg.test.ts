import {
  defineTopic,
  describe,
  keyValueStore,
  port,
  processor,
  repartition,
  sink,
  source,
  stringSerde,
  topology,
} from 'gavel/streams';
import { expect, test } from 'vitest';

import type { Description } from '../../../../bin/diagram/graph.ts';
import { drawingOf } from '../../../../bin/diagram/graph.ts';
import { renderSvg } from '../../../../bin/diagram/svg.ts';

const topic = (name: string) => defineTopic({ name, key: stringSerde, value: stringSerde, timestampType: 'append' });

/** lines → split → words → count → counts, with a way back into lines. */
function wordCount() {
  const ports = { words: port<string, string>(), again: port<string, string>() };
  const lines = source({ name: 'lines', topic: topic('t.lines'), clock: true });
  const split = processor({ name: 'split', from: [lines.out], ports, create: () => ({ process() {} }) });
  const words = repartition({ name: 'words', from: [split.out.words], key: stringSerde, value: stringSerde });
  const counts = keyValueStore({ name: 'counts', key: stringSerde, value: stringSerde });
  const count = processor({
    name: 'count',
    from: [words.out],
    ports: { counts: port<string, string>() },
    stores: { counts },
    create: () => ({ process() {} }),
  });
  return topology({
    split: [sink({ name: 'again', from: [split.out.again], topic: topic('t.lines'), feedback: true }), words],
    count: [sink({ name: 'out', from: [count.out.counts], topic: topic('t.counts') })],
  });
}

const description = JSON.parse(describe(wordCount(), 'json')) as Description;

test('arrows lead from topics over steps to topics; sources and sinks are no nodes', () => {
  const { nodes, arrows } = drawingOf(description);
  const labels = new Map(nodes.map(({ id, label }) => [id, label]));
  const drawn = arrows.map(({ from, to, feedback }) => [labels.get(from), labels.get(to), feedback]);
  expect(drawn).toEqual([
    ['t.lines', 'split', false],
    ['split', 't.lines', true],
    ['split', '<application>-words-repartition', false],
    ['<application>-words-repartition', 'count', false],
    ['count', 'counts', false],
    ['count', 't.counts', false],
  ]);
  expect(nodes.find(({ id }) => id === 'store:counts')).toMatchObject({ kind: 'store', subtopology: 'count' });
});

test('as SVG: every node once, names escaped, nothing outside of the picture', () => {
  const svg = renderSvg(description);
  for (const name of ['t.lines', 'split', 'count', 'counts', 't.counts', '&lt;application>-words-repartition'])
    expect(svg.split(`>${name}</text>`)).toHaveLength(2);
  const [, width, height] = /viewBox="0 0 (\d+) (\d+)"/.exec(svg) ?? [];
  for (const [, x, y] of svg.matchAll(/<rect x="(\d+)" y="(\d+)"/g)) {
    expect(Number(x)).toBeLessThan(Number(width));
    expect(Number(y)).toBeLessThan(Number(height));
  }
});
