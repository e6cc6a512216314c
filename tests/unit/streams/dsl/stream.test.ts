import { describe, expect, test } from 'vitest';
import {
  asStream,
  defineTopic,
  globalTable,
  integerSerde,
  isGavelError,
  partitionOf,
  port,
  processor,
  stream,
  stringSerde,
  table,
  topology,
  windowedSerde,
} from 'gavel/streams';
import type { GraphEnd, GraphNode, Keying, Stream, Topology } from 'gavel/streams';

const numbersTopic = defineTopic({ name: 'numbers', key: stringSerde, value: integerSerde });
const numbers = stream({ name: 'numbers', topic: numbersTopic });
const others = stream({
  name: 'others',
  topic: defineTopic({ name: 'others', key: stringSerde, value: integerSerde }),
});
const serdes = { key: stringSerde, value: integerSerde };

/** Each node of a sub-topology with what it reads from. */
function flow(made: Topology, name: string): { readonly [node: string]: readonly string[] } {
  const sub = made.subtopologies.find((each) => each.name === name);
  const nodes: readonly GraphNode[] = [...(sub?.processors ?? []), ...(sub?.outputs ?? [])];
  return Object.fromEntries(
    nodes.map((node) => [
      node.name,
      node.kind === 'source' ? [] : node.from.map((edge) => `${edge.node.name}.${edge.port}`),
    ]),
  );
}

describe('the DSL', () => {
  test('makes the nodes that one would make by hand', () => {
    const { big, small } = numbers.split({
      name: 'size',
      branches: { big: ({ value }) => value > 9, small: () => true },
    });
    const ends: readonly (GraphEnd | GraphNode)[] = [
      big.mapValues({ name: 'half', to: ({ value }) => value / 2 }).to({ name: 'halves', topic: numbersIn('halves') }),
      small.peek({ name: 'show', run: () => {} }),
    ];
    expect(flow(topology({ work: ends }), 'work')).toEqual({
      size: ['numbers.out'],
      half: ['size.big'],
      halves: ['half.out'],
      show: ['size.small'],
    });
  });

  test('merges without a node', () => {
    const merged = numbers.merge({ with: [others, numbers.filter({ name: 'again', where: () => true })] });
    expect(flow(topology({ work: [merged.peek({ name: 'show', run: () => {} })] }), 'work')).toEqual({
      again: ['numbers.out'],
      show: ['numbers.out', 'others.out', 'again.out'],
    });
  });

  test('changes nothing that it has made: a stream can be used again', () => {
    const before = numbers.nodes;
    const one = numbers.filter({ name: 'one', where: () => true });
    const two = numbers.filter({ name: 'two', where: () => true });
    expect(numbers.nodes).toBe(before);
    expect(flow(topology({ work: [one, two] }), 'work')).toEqual({ one: ['numbers.out'], two: ['numbers.out'] });
    expect([numbers, one, two].every(Object.isFrozen)).toBe(true);
  });

  test('groups by another key through a repartition of that name', () => {
    const counts = numbers
      .groupBy({ ...serdes, name: 'by-size', by: ({ key }) => key, partitions: 5 })
      .count({ name: 'counts' });
    const made = topology({ counts: [counts] });
    expect(flow(made, 'by-size')).toEqual({ 'by-size-key': ['numbers.out'], 'by-size': ['by-size-key.out'] });
    expect(flow(made, 'counts')).toEqual({ counts: ['by-size.out'] });
    expect(made.subtopologies[0]?.inputs).toMatchObject([{ kind: 'repartition', name: 'by-size', partitions: 5 }]);
    expect([...(made.subtopologies[0]?.stores.keys() ?? [])]).toEqual(['counts']);
  });

  test('lets an end claim the part before a repartition that shares its source', () => {
    const grouped = numbers.groupBy({ ...serdes, name: 'by-size', by: ({ key }) => key });
    const made = topology({
      read: [grouped, numbers.to({ name: 'copy', topic: numbersIn('copy') })],
      counts: [grouped.count({ name: 'counts' })],
    });
    expect(Object.keys(flow(made, 'read'))).toEqual(['by-size-key', 'by-size', 'copy']);
  });

  test('brings a table into the task of those who join it', () => {
    const rows = table({ name: 'rows', topic: numbersIn('rows'), cacheEntries: 7, logged: false });
    const joined = numbers.join({ name: 'joined', table: rows, to: ({ value }, row) => value + row });
    const made = topology({ work: [joined] });
    expect(flow(made, 'work')).toEqual({ rows: ['rows-source.out'], joined: ['numbers.out', 'rows.state'] });
    expect(made.subtopologies[0]?.stores.get('rows')).toMatchObject({ cacheEntries: 7, logged: false });
    expect(made.subtopologies[0]?.inputs.map(({ name }) => name)).toEqual(['numbers', 'rows-source']);
  });

  test('refuses a join of topics whose keys do not meet', () => {
    const other = defineTopic({ name: 'rows', key: stringSerde, value: integerSerde, partitions: 8 });
    const joined = numbers.join({ name: 'joined', table: table({ name: 'rows', topic: other }), to: () => 1 });
    expect(() => topology({ work: [joined] })).toThrow('"numbers" (3), "rows" (8)');
  });

  test('joins a global table from anywhere', () => {
    const everywhere = globalTable({ name: 'everywhere', topic: numbersIn('rows') });
    const made = topology({
      work: [numbers.joinGlobal({ name: 'joined', table: everywhere, by: ({ key }) => key, to: () => 1 })],
    });
    expect(made.globalTables).toEqual([everywhere]);
  });

  test('keeps windows and the time that decides about them in stores of the name of the table', () => {
    const counts = numbers.groupByKey(serdes).windowedBy({ sizeMs: 10, graceMs: 0 }).count({ name: 'counts' });
    const made = topology({ work: [counts] });
    expect([...(made.subtopologies[0]?.stores.keys() ?? [])]).toEqual(['counts', 'counts-time']);
  });

  test('writes windowed keys to the partition of their inner key (semantics 25)', () => {
    const counts = numbers.groupByKey(serdes).windowedBy({ sizeMs: 10, graceMs: 0 }).count({ name: 'counts' });
    const key = windowedSerde(stringSerde, 10);
    const written = counts
      .toStream()
      .to({ name: 'out', topic: defineTopic({ name: 'out', key, value: integerSerde }) });
    const again = counts.toStream().repartition({ name: 'again', key, value: integerSerde }).nodes[0];
    for (const node of [written, again]) {
      if (node?.kind !== 'sink' && node?.kind !== 'repartition') throw new Error('these write');
      expect(node.partitioner?.({ key: 'k', start: 20, end: 30 }, 1, 100)).toBe(partitionOf(Buffer.from('k'), 100));
    }
    expect(numbers.to({ name: 'out', topic: numbersTopic }).partitioner).toBeUndefined();
  });

  test('takes routes, partitioners and feedback over to the sink', () => {
    const [a, b] = [numbersIn('a'), numbersIn('b')];
    const route = () => a;
    const partitioner = () => 0;
    const node = numbers.to({ name: 'out', topic: [a, b], route, partitioner, feedback: true });
    expect(node).toMatchObject({ kind: 'sink', topics: [a, b], route, partitioner, feedback: true });
  });

  test('goes on from nodes made by hand, and back', () => {
    const double = processor({
      name: 'double',
      from: numbers.from,
      ports: { out: port<string, number>() },
      create: (context) => ({ process: (record) => context.forward('out', record.key, record.value * 2, record) }),
    });
    const shown = asStream({ from: [double.out.out] }).peek({ name: 'show', run: () => {} });
    expect(flow(topology({ work: [shown] }), 'work')).toEqual({ double: ['numbers.out'], show: ['double.out'] });
  });
});

describe('what needs records of one key in one task', () => {
  /** As somebody who writes JavaScript calls it. */
  const untyped = (of: Stream<string, number, Keying>) => of as unknown as Stream<string, number>;
  const rekeyed = numbers.selectKey({ name: 'other-key', by: ({ key }) => `${key}!` });
  const rows = table({ name: 'rows', topic: numbersIn('rows') });
  const refusals: { readonly [operator: string]: (of: Stream<string, number>) => unknown } = {
    'groupByKey()': (of) => of.groupByKey(serdes),
    'toTable("t")': (of) => of.toTable({ ...serdes, name: 't' }),
    'join("j")': (of) => of.join({ name: 'j', table: rows, to: () => 1 }),
    'leftJoin("j")': (of) => of.leftJoin({ name: 'j', table: rows, to: () => 1 }),
  };

  test.each(Object.entries(refusals))('%s is refused where keys may have changed', (operator, call) => {
    let refused: unknown;
    try {
      call(untyped(rekeyed.filter({ name: 'later', where: () => true })));
    } catch (error) {
      refused = error;
    }
    if (!isGavelError(refused, 'TOPOLOGY_INVALID')) throw new Error('not refused', { cause: refused });
    expect(refused.message).toBe(
      `${operator} needs the records of a key in one task, but an operator before "later" may have changed keys`,
    );
    expect(refused.hint).toContain('repartition()');
  });

  test.each(Object.values(refusals))('and taken where they meet (%#)', (call) => {
    for (const of of [numbers, rekeyed.repartition({ ...serdes, name: 'r' }), rekeyed.markAsPartitioned()]) {
      expect(call(of)).toBeDefined();
    }
  });

  test('a merge is as well partitioned as the worst of its parts', () => {
    expect(() => untyped(numbers.merge({ with: [rekeyed] })).groupByKey(serdes)).toThrow('may have changed keys');
    expect(numbers.merge({ with: [others] }).groupByKey(serdes)).toBeDefined();
  });
});

function numbersIn(name: string) {
  return defineTopic({ name, key: stringSerde, value: integerSerde });
}
