import {
  defineTopic,
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

import { describeTopology } from '../../../../bin/diagram/description.ts';
import { renderMermaid, renderText } from '../../../../bin/diagram/render.ts';
import { renderSvg } from '../../../../bin/diagram/svg.ts';

const topic = (name: string) => defineTopic({ name, key: stringSerde, value: stringSerde });

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
    count: [sink({ name: 'out', from: [count.out.counts], topic: topic('t.<counts>') })],
  });
}

test('a topology as plain data', () => {
  const { subtopologies } = describeTopology(wordCount());
  expect(subtopologies.map(({ name }) => name)).toEqual(['split', 'count']);
  expect(subtopologies[0]).toMatchObject({
    inputs: [{ name: 'lines', kind: 'source', topic: 't.lines', clock: true }],
    processors: [{ name: 'split', from: ['lines.out'], stores: [] }],
  });
  expect(subtopologies[0]?.outputs).toContainEqual(
    expect.objectContaining({ topics: ['t.lines'], feedback: true, from: ['split.again'] }),
  );
  expect(subtopologies[1]).toMatchObject({ inputs: [{ kind: 'repartition', topic: 'words' }], stores: ['counts'] });
});

test('as text, one line per fact', () => {
  const text = renderText(describeTopology(wordCount()));
  expect(text).toContain('reads   t.lines (with clock records)');
  expect(text).toContain('writes  t.lines  ← split.again (feedback)');
  expect(text).toContain('writes  words  ← split.words (repartition)');
  expect(text).toContain('store counts');
});

test('as Mermaid: topics outside, steps and stores in their sub-topology, ways back dotted', () => {
  const text = renderMermaid(describeTopology(wordCount()));
  expect(text).toMatch(/^flowchart LR\n/);
  expect(text).toMatch(/subgraph count\n {4}n\d+\["count"\]\n {4}n\d+\[\("counts"\)\]\n {2}end/);
  expect(text).toMatch(/n\d+ -\.->\|again\| n\d+/);
  expect(text).toMatch(/n\d+ --- n\d+/);
});

test('as SVG: every node once, names escaped, nothing outside of the picture', () => {
  const svg = renderSvg(describeTopology(wordCount()));
  for (const name of ['t.lines', 'split', 'words', 'counts', 't.&lt;counts>'])
    expect(svg.split(`>${name}</text>`)).toHaveLength(2);
  const [, width, height] = /viewBox="0 0 (\d+) (\d+)"/.exec(svg) ?? [];
  for (const [, x, y] of svg.matchAll(/<rect x="(\d+)" y="(\d+)"/g)) {
    expect(Number(x)).toBeLessThan(Number(width));
    expect(Number(y)).toBeLessThan(Number(height));
  }
});
