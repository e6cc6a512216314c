import { describe, expect, test } from 'vitest';
import {
  defineTopic,
  globalTable,
  integerSerde,
  isGavelError,
  keyValueStore,
  port,
  processor,
  repartition,
  sink,
  source,
  stringSerde,
  topology,
} from 'gavel/streams';
import type { Edge, GlobalTables, GraphNode, StoreSpecs, Topic, TopicOptions } from 'gavel/streams';

type Ends = { readonly [subtopology: string]: readonly GraphNode[] };
type Text = Edge<string, string>;

const topic = (name: string, options: Partial<TopicOptions<string, string>> = {}): Topic<string, string> =>
  defineTopic({ ...options, name, key: stringSerde, value: stringSerde });
const from = (name: string, of = topic(name)): Text => source({ name, topic: of }).out;
const out = (name: string, edges: readonly Text[], of = topic(`${name}-topic`)) =>
  sink({ name, from: edges, topic: of });
const across = (name: string, edge: Text, partitions?: number) =>
  repartition({ name, from: [edge], key: stringSerde, value: stringSerde, ...(partitions && { partitions }) });
const store = (name: string) => keyValueStore({ name, key: stringSerde, value: integerSerde });
const step = (name: string, edges: readonly Text[], stores: StoreSpecs = {}, tables: GlobalTables = {}) =>
  processor<string, string, { out: readonly [string, string] }, StoreSpecs, GlobalTables>({
    name,
    from: edges,
    ports: { out: port<string, string>() },
    stores,
    tables,
    create: () => ({ process() {} }),
  });

/** The faults of a topology, from the one error that tells them all. */
function faultsOf(ends: Ends): readonly string[] {
  try {
    topology(ends);
    return [];
  } catch (error) {
    if (!isGavelError(error, 'TOPOLOGY_INVALID')) throw error;
    const [title, ...faults] = error.message.split('\n- ');
    if (title !== `the topology has ${faults.length} fault(s):`) throw error;
    return faults;
  }
}

const badName = (kind: string, name: string) =>
  `${kind} name "${name}" has characters other than letters, digits, ".", "_" and "-"`;

describe('names', () => {
  test('of sub-topologies, nodes, stores and global tables are those of files and topics', () => {
    const tables = { table: globalTable({ name: 'a table', topic: topic('t') }) };
    const bad = step('a/b', [from('in')], { rows: store('ä') }, tables);
    expect(faultsOf({ 'a sub': [bad] })).toEqual([
      badName('sub-topology', 'a sub'),
      badName('node', 'a/b'),
      badName('store', 'ä'),
      badName('global table', 'a table'),
    ]);
    expect(faultsOf({ sub: [step('x'.repeat(101), [from('in')])] })).toHaveLength(1);
    expect(faultsOf({ sub: [step('x'.repeat(100), [from('in')])] })).toEqual([]);
  });

  test('are given once', () => {
    const edge = from('in');
    expect(faultsOf({ sub: [step('in', [edge])] })).toEqual(['two nodes are named "in"']);
    const same = [step('a', [edge], { rows: store('s') }), step('b', [edge], { rows: store('s') })];
    expect(faultsOf({ sub: same })).toEqual(['two stores are named "s"']);
    const table = (of: string) => ({ table: globalTable({ name: 'g', topic: topic(of) }) });
    expect(faultsOf({ sub: [step('a', [edge], {}, table('x')), step('b', [edge], {}, table('y'))] })).toEqual([
      'two global tables are named "g"',
    ]);
  });
});

describe('sub-topologies', () => {
  test('need ends', () => {
    expect(faultsOf({})).toEqual(['it has no sub-topology']);
    expect(faultsOf({ empty: [], full: [step('a', [from('in')])] })).toContain('sub-topology "empty" has no ends');
    expect(faultsOf({ sub: [undefined as unknown as GraphNode] })).toContain(
      'sub-topology "sub" has an end that is undefined',
    );
  });

  test('do not share nodes', () => {
    const edge = from('in');
    expect(faultsOf({ a: [step('one', [edge])], b: [step('two', [edge])] })).toEqual([
      'node "in" belongs to two sub-topologies, "a" and "b": give their ends under one name',
    ]);
    const [left, right] = [across('left', edge), across('right', edge)];
    expect(faultsOf({ work: [out('end', [left.out, right.out])] })).toEqual([
      'node "in" belongs to two sub-topologies, "left" and "right": give their ends under one name',
    ]);
  });

  test('do not share stores', () => {
    const rows = store('s');
    expect(faultsOf({ a: [step('one', [from('x')], { rows })], b: [step('two', [from('y')], { rows })] })).toEqual([
      'store "s" is used by two sub-topologies, "a" and "b"',
    ]);
  });

  test('are not of the name that stands before a repartition', () => {
    const words = across('words', from('in'));
    expect(faultsOf({ words: [out('end', [words.out])] })).toEqual([
      'what stands before repartition "words" would be a sub-topology of that name, which there is already: rename either, or claim the repartition as an end',
    ]);
  });

  test('read topics of the same number of partitions', () => {
    const edges = [from('two', topic('two', { partitions: 2 })), from('three', topic('three', { partitions: 3 }))];
    expect(faultsOf({ sub: [step('a', edges)] })).toEqual([
      'sub-topology "sub" reads topics of different partition counts, so keys do not meet: "two" (2), "three" (3)',
    ]);
    const five = across('five', from('in'), 5);
    expect(faultsOf({ sub: [step('a', [five.out, from('three', topic('three', { partitions: 3 }))])] })).toEqual([
      'sub-topology "sub" reads topics of different partition counts, so keys do not meet: "three" (3), repartition "five" (5)',
    ]);
    const follows = across('follows', from('in', topic('in', { partitions: 7 })));
    expect(faultsOf({ sub: [step('a', [follows.out, from('three')])] })).toEqual([]);
  });
});

describe('nodes', () => {
  test('read from outputs that there are', () => {
    expect(faultsOf({ sub: [step('a', []), out('end', [from('in')])] })).toEqual(['node "a" reads from nothing']);
    expect(faultsOf({ sub: [step('a', [])] })).toEqual([
      'sub-topology "sub" has no source',
      'node "a" reads from nothing',
    ]);
    const missing = [undefined as unknown as Text];
    expect(faultsOf({ sub: [step('a', [from('in'), ...missing])] })).toEqual([
      'node "a" reads from something that is no output of a node',
    ]);
    const { node } = step('a', [from('in')]).out.out;
    expect(faultsOf({ sub: [out('end', [{ node, port: 'other' }])] })).toEqual([
      'node "end" reads port "other", which "a" does not have',
    ]);
  });

  test('that write know where', () => {
    const edge = from('in');
    const ends = [
      sink({ name: 'nowhere', from: [edge], topic: [] }),
      sink({ name: 'anywhere', from: [edge], topic: [topic('a'), topic('b')] }),
    ];
    expect(faultsOf({ sub: ends })).toEqual([
      'sink "nowhere" has no topic',
      'sink "anywhere" has several topics and no route',
    ]);
  });

  test('that repartition are read, and by another sub-topology', () => {
    const words = across('words', from('in'));
    expect(faultsOf({ sub: [words] })).toEqual(['nothing reads repartition "words"']);
    expect(faultsOf({ sub: [words, out('end', [words.out])] })).toEqual([
      'repartition "words" is written and read by sub-topology "sub": give what stands before it a name of its own',
    ]);
  });
});

describe('topics', () => {
  test('are read by one source', () => {
    const [a, b] = ['a', 'b'].map((name) => from(name, topic('t')));
    const fault = 'sources "a" and "b" read the same topic "t": share one source';
    expect(faultsOf({ sub: [step('one', [a as Text]), step('two', [b as Text])] })).toEqual([fault]);
    expect(faultsOf({ x: [step('one', [a as Text])], y: [step('two', [b as Text])] })).toEqual([fault]);
  });

  test('are declared one way', () => {
    const ends = [out('end', [from('in')], topic('t', { retentionMs: 5 })), out('rest', [from('other')], topic('t'))];
    expect(faultsOf({ sub: ends })).toEqual(['topic "t" is declared twice, with different partitions or settings']);
  });

  test('that are read and written say so', () => {
    expect(faultsOf({ sub: [out('end', [from('t')], topic('t'))] })).toEqual([
      'sink "end" writes to "t", which the topology reads: a cycle, unless the sink says "feedback: true"',
    ]);
    const looped = sink({ name: 'end', from: [from('t')], topic: topic('t'), feedback: true });
    expect(faultsOf({ sub: [looped] })).toEqual([]);
    const open = sink({ name: 'end', from: [from('t')], topic: topic('u'), feedback: true });
    expect(faultsOf({ sub: [open] })).toEqual([
      'sink "end" says "feedback: true", but the topology reads none of its topics',
    ]);
  });

  test('with clock records keep them and stamp them', () => {
    const clocked = (of: Topic<string, string>) => step('a', [source({ name: 'in', topic: of, clock: true }).out]);
    expect(faultsOf({ sub: [clocked(topic('t', { cleanup: 'compact' }))] })).toEqual([
      'source "in" has clock records, but topic "t" is compacted and would lose them',
      'source "in" has clock records, but topic "t" is not stamped by the log (timestampType "append")',
    ]);
    expect(faultsOf({ sub: [clocked(topic('t', { timestampType: 'append' }))] })).toEqual([]);
  });
});

test('all faults are found at once', () => {
  const edge = from('in');
  const ends = {
    'first one': [step('same', [edge]), step('same', [edge])],
    second: [out('end', [edge], topic('in')), step('lost', [])],
  };
  expect(faultsOf(ends)).toEqual([
    'node "in" belongs to two sub-topologies, "first one" and "second": give their ends under one name',
    badName('sub-topology', 'first one'),
    'two nodes are named "same"',
    'sink "end" writes to "in", which the topology reads: a cycle, unless the sink says "feedback: true"',
    'node "lost" reads from nothing',
  ]);
});
