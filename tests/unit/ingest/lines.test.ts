import { createHash } from 'node:crypto';
import { gzipSync } from 'node:zlib';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { FileLines, LINE_BYTES_MAX } from '../../../ingest/lines.ts';
import { localFile } from '../../../ingest/local-file.ts';
import { file } from './rig.ts';

async function linesOf(bytes: Buffer, pieceBytes?: number): Promise<readonly (readonly [number, string, boolean])[]> {
  const found: (readonly [number, string, boolean])[] = [];
  for await (const lines of new FileLines(file('f', bytes, pieceBytes)).read()) {
    for (const { number, bytes: line, cut } of lines) found.push([number, line.toString(), cut]);
  }
  return found;
}

describe('FileLines', () => {
  it('gives the same lines however the bytes come, packed or not', async () => {
    const text = fc.array(fc.constantFrom('a', 'bc', 'ü', '', '"', '\r', ','), { maxLength: 30 });
    await fc.assert(
      fc.asyncProperty(text, fc.integer({ min: 1, max: 9 }), fc.boolean(), async (parts, pieceBytes, packed) => {
        const bytes = Buffer.from(parts.join('\n'));
        const expected = bytes
          .toString()
          .split('\n')
          .map((line, i) => [i + 1, line.replace(/\r$/, ''), false])
          .filter(([, line]) => line !== '');
        expect(await linesOf(packed ? gzipSync(bytes) : bytes, pieceBytes)).toEqual(expected);
      }),
    );
  });

  it('cuts off a line that is too long, and goes on behind it', async () => {
    const long = 'x'.repeat(3 * LINE_BYTES_MAX);
    expect(await linesOf(Buffer.from(`a\n${long}\nb\n${long}`), 10_000)).toEqual([
      [1, 'a', false],
      [2, long.slice(0, LINE_BYTES_MAX), true],
      [3, 'b', false],
      [4, long.slice(0, LINE_BYTES_MAX), true],
    ]);
  });

  it('hashes the bytes as they are stored', async () => {
    const packed = gzipSync('a\nb\n');
    const lines = new FileLines(file('f', packed, 3));
    for await (const some of lines.read()) expect(some.length).toBeLessThan(3);
    expect(lines.digest()).toBe(createHash('sha256').update(packed).digest('hex'));
  });

  it('says which file cannot be read, and why', async () => {
    const missing = new FileLines(localFile('/nowhere/bids.csv')).read();
    await expect(missing.next()).rejects.toMatchObject({
      code: 'INPUT_INVALID',
      message: expect.stringContaining('/nowhere/bids.csv'),
    });
    const damaged = gzipSync('a\n'.repeat(1000));
    damaged[30] = (damaged[30] as number) ^ 0xff;
    await expect(linesOf(damaged)).rejects.toMatchObject({ code: 'INPUT_INVALID' });
  });
});
