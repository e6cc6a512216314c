/** The version of the package, from its package.json: beside bin/ in a checkout, above dist/ when installed. */

import { createRequire } from 'node:module';

const manifest = createRequire(import.meta.url)('gavel/package.json') as { readonly version: string };

export const VERSION = manifest.version;
