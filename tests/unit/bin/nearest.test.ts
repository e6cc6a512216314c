import { expect, test } from 'vitest';

import { nearest } from '../../../bin/nearest.ts';

test('finds the word that was meant', () => {
  expect(nearest('dataDirr', ['dataDir', 'port'])).toBe('dataDir');
  expect(nearest('GAVEL_DATADIR', ['GAVEL_PORT', 'GAVEL_DATA_DIR'])).toBe('GAVEL_DATA_DIR');
  expect(nearest('prot', ['port', 'part'])).toBe('port');
});

test('is silent where nothing is near', () => {
  expect(nearest('kafka', ['dataDir', 'durability'])).toBeUndefined();
});
