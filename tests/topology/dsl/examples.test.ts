/** Each example runs as its first lines say, prints what it should, and ends by itself. */

import { execFile } from 'node:child_process';
import { existsSync, readFileSync, readdirSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { describe, expect, test } from 'vitest';

const root = fileURLToPath(new URL('../../../', import.meta.url));
const bundledNode = `${root}node_modules/.bin/node`;
/** Vitest itself may run on a Node that cannot run TypeScript. */
const node = existsSync(bundledNode) ? bundledNode : process.execPath;

const COUNTS = 'and 1\nbrown 1\ndog 1\ndog 2\nfox 1\njumps 1\nlazy 1\nover 1\nquick 1\nsleeps 1\nthe 1\nthe 2\nthe 3';
const PRINTED: { readonly [example: string]: string } = {
  // Words of different partitions are printed in any order.
  '01-word-count.ts': COUNTS,
  '02-processor-api.ts': `
milk is due at 2026-01-01T12:01:30.000Z
milk is due at no time
tea was not paid by 2026-01-01T12:00:30.000Z`,
  '03-windows.ts': `
/home 12:00 to 12:01: 1
/home 12:00 to 12:01: 2
/home 12:00 to 12:01: 3
/home 12:01 to 12:02: 1
/sale 12:01 to 12:02: 1
busy: /home 11:57 to 12:02: 5
busy: /home 11:58 to 12:03: 5
busy: /home 11:59 to 12:04: 5
busy: /home 12:00 to 12:05: 5`,
  '04-joins.ts': 'Ada paid €20\na stranger paid $5',
  '05-test-driver.ts': `
it came back: ada has 30
one was killed: nothing was lost and nothing was counted twice
two instances: five payments, five balances`,
};

describe('examples', () => {
  test('are all tested, and import nothing of ours but the package', () => {
    const files = readdirSync(`${root}examples`).filter((name) => name.endsWith('.ts'));
    expect(files.sort()).toEqual(Object.keys(PRINTED));
    for (const file of files) {
      const text = readFileSync(`${root}examples/${file}`, 'utf8');
      const imported = [...text.matchAll(/from '([^']+)'/g)].map(([, name]) => name);
      expect(
        imported.filter((name) => !/^(gavel\/(streams|stores|broker|testing)|node:.+)$/.test(name as string)),
      ).toEqual([]);
      expect(text).toContain(`\`node examples/${file}\``);
    }
  });

  test.concurrent.each(Object.entries(PRINTED))(
    '%s',
    async (file, printed) => {
      const { stdout, stderr } = await promisify(execFile)(node, [`examples/${file}`], { cwd: root, timeout: 25_000 });
      expect(stdout.trim().split('\n').sort()).toEqual(printed.trim().split('\n'));
      expect(stderr).toBe('');
    },
    30_000,
  );

  test('the topology of the word count has 20 lines at most', () => {
    const text = readFileSync(`${root}examples/01-word-count.ts`, 'utf8');
    const [lines] = /const lines =[^]*?topology\(.*\);\n/.exec(text) ?? [];
    expect(lines?.trim().split('\n').length).toBeLessThanOrEqual(20);
  });
});
