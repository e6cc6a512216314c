import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { defineTopic, jsonSerde, partitionOf, stringSerde } from 'gavel/streams';
import { RecordTable } from '../../../ingest/record-table.ts';

const topic = defineTopic({ name: 't', key: stringSerde, value: jsonSerde<{ readonly row: number }>() });

describe('RecordTable', () => {
  it('gives its rows back in order of time, equal times in the order of their coming', () => {
    const rows = fc.array(fc.record({ key: fc.nat(5), time: fc.nat(10) }), { maxLength: 3000 });
    fc.assert(
      fc.property(rows, fc.nat(3000), (list, split) => {
        const table = new RecordTable(topic);
        for (const [row, { key, time }] of list.entries()) {
          if (row === 0 || row === split) table.beginFile();
          table.add(row + 1, `key${key}`, { row }, time);
          table.nameFile(row < split || split === 0 ? 'first' : 'second');
        }
        table.sortByTime();
        const expected = [...list.entries()].toSorted(([, a], [, b]) => a.time - b.time);
        expect(table.size).toBe(list.length);
        for (const [rank, [row, { key }]] of expected.entries()) {
          const record = table.recordAt(rank, 7);
          const keyBytes = Buffer.from(`key${key}`);
          const partition = partitionOf(keyBytes, 3);
          expect(record).toMatchObject({ key: keyBytes, timestamp: 7, partition });
          expect(record.value?.toString()).toBe(JSON.stringify({ row }));
          const file = row < split || split === 0 ? 'first' : 'second';
          expect(record.headers.map((header) => [header.key, header.value?.toString()])).toEqual([
            ['gavel-file', file],
            ['gavel-line', String(row + 1)],
          ]);
          expect([table.files[table.fileAt(rank)], table.lineAt(rank), table.partitionAt(rank)]).toEqual([
            file,
            row + 1,
            partition,
          ]);
        }
      }),
      { numRuns: 30 },
    );
  });

  it('forgets the rows of a file that is read again', () => {
    const table = new RecordTable(topic);
    table.beginFile();
    table.add(1, 'a', { row: 1 }, 0);
    table.nameFile('first');
    table.beginFile();
    table.add(1, 'b', { row: 2 }, 0);
    table.restartFile();
    table.add(1, 'c', { row: 3 }, 0);
    table.nameFile('second');
    const values = [0, 1].map((rank) => table.recordAt(rank, 0).value?.toString());
    expect([table.size, ...values]).toEqual([2, '{"row":1}', '{"row":3}']);
    expect(table.files).toEqual(['first', 'second']);
  });

  it('is as before where a value cannot be encoded', () => {
    const table = new RecordTable({
      ...topic,
      value: {
        ...topic.value,
        serialize: (value, sink) => {
          topic.value.serialize(value, sink);
          if (value.row < 0) throw new RangeError('negative');
        },
      },
    });
    table.beginFile();
    table.add(1, 'a', { row: 1 }, 0);
    expect(() => table.add(2, 'a', { row: -1 }, 0)).toThrow('negative');
    table.add(3, 'a', { row: 2 }, 0);
    expect([0, 1].map((rank) => table.recordAt(rank, 0).value?.toString())).toEqual(['{"row":1}', '{"row":2}']);
  });
});
