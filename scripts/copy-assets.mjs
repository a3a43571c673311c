// What tsc does not copy: CommonJS modules that the worker's threads load by require.
import { cpSync } from 'node:fs';
cpSync('src/contract/payload-converter.cjs', 'dist/contract/payload-converter.cjs');
