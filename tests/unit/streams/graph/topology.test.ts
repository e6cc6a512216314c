import { describe, expect, test } from 'vitest';
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
import type { Edge, GraphNode, Topology } from 'gavel/streams';

const topic = (name: string) => defineTopic({ name, key: stringSerde, value: stringSerde });
const from = (name: string) => source({ name, topic: topic(name) }).out;
const step = (name: string, ...edges: Edge<string, string>[]) =>
  processor<string, string, { out: readonly [string, string] }>({
    name,
    from: edges,
    ports: { out: port<string, string>() },
    create: () => ({ process() {} }),
  });
const across = (name: string, edge: Edge<string, string>) =>
  repartition({ name, from: [edge], key: stringSerde, value: stringSerde });
const out = (name: string, ...edges: Edge<string, string>[]) =>
  sink({ name, from: edges, topic: topic(`${name}-topic`) });

function shapeOf({ subtopologies }: Topology): { readonly [name: string]: readonly (readonly string[])[] } {
  const names = (nodes: readonly GraphNode[]) => nodes.map((node) => node.name);
  return Object.fromEntries(
    subtopologies.map((sub) => [sub.name, [names(sub.inputs), names(sub.processors), names(sub.outputs)]]),
  );
}

describe('topology', () => {
  test('finds everything behind the ends of a sub-topology', () => {
    const lines = from('lines');
    const first = step('first', lines);
    const second = step('second', first.out.out, lines);
    expect(shapeOf(topology({ work: [out('end', second.out.out), first] }))).toEqual({
      work: [['lines'], ['first', 'second'], ['end']],
    });
  });

  test('puts processors behind those they read from, whatever the order of the ends', () => {
    const a = step('a', from('in'));
    const b = step('b', a.out.out);
    const c = step('c', b.out.out, a.out.out);
    for (const ends of [
      [a, b, c],
      [c, b, a],
      [b, c, a],
    ]) {
      expect(shapeOf(topology({ work: ends }))['work']?.[1]).toEqual(['a', 'b', 'c']);
    }
  });

  test('takes streams, tables or nodes as ends', () => {
    const first = step('first', from('in'));
    expect(shapeOf(topology({ work: [{ nodes: [first] }] }))).toEqual(shapeOf(topology({ work: [first] })));
  });

  test('names what stands before a repartition like the repartition', () => {
    const words = across('words', step('split', from('lines')).out.out);
    expect(shapeOf(topology({ count: [out('counts', step('count', words.out).out.out)] }))).toEqual({
      count: [['words'], ['count'], ['counts']],
      words: [['lines'], ['split'], ['words']],
    });
  });

  test('unless an entry claims the repartition', () => {
    const words = across('words', step('split', from('lines')).out.out);
    expect(shapeOf(topology({ read: [words], count: [out('counts', words.out)] }))).toEqual({
      read: [['lines'], ['split'], ['words']],
      count: [['words'], [], ['counts']],
    });
  });

  test('goes on through any number of repartitions', () => {
    const first = across('first', from('in'));
    const second = across('second', step('between', first.out).out.out);
    expect(Object.keys(shapeOf(topology({ last: [out('end', second.out)] })))).toEqual(['last', 'second', 'first']);
  });

  test('lets several repartitions come from one claimed sub-topology', () => {
    const lines = from('lines');
    const [a, b] = [across('a', lines), across('b', lines)];
    expect(shapeOf(topology({ read: [a, b], work: [out('end', a.out, b.out)] }))).toEqual({
      read: [['lines'], [], ['a', 'b']],
      work: [['a', 'b'], [], ['end']],
    });
  });

  test('lists each topic, store and global table once', () => {
    const store = keyValueStore({ name: 'seen', key: stringSerde, value: stringSerde });
    const using = (name: string, edge: Edge<string, string>) =>
      processor<string, string, { out: readonly [string, string] }, { store: typeof store }>({
        name,
        from: [edge],
        ports: { out: port<string, string>() },
        stores: { store },
        create: () => ({ process() {} }),
      });
    const first = using('first', from('in'));
    const made = topology({ work: [out('end', using('second', first.out.out).out.out)] });
    expect([...(made.subtopologies[0]?.stores.keys() ?? [])]).toEqual(['seen']);
    expect(made.topics.map(({ name }) => name)).toEqual(['in', 'end-topic']);
  });

  test('cannot be changed', () => {
    const made = topology({ work: [out('end', from('in'))] });
    expect([made, made.subtopologies, made.subtopologies[0], made.topics].every(Object.isFrozen)).toBe(true);
  });
});
