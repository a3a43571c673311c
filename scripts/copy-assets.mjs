// What tsc does not copy: CommonJS modules that the worker's threads load by require.
import { cpSync } from 'node:fs';
cpSync('src/contract/payload-converter.cjs', 'dist/contract/payload-converter.cjs');
cpSync('src/contract/failure-converter.cjs', 'dist/contract/failure-converter.cjs');
