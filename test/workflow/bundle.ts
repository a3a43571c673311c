import { createRequire } from 'node:module';
import { fileURLToPath } from 'node:url';

export const payloadConverterPath = createRequire(import.meta.url).resolve('../../src/contract/payload-converter.cjs');
export const workflowsPath = fileURLToPath(new URL('../../src/workflows/index.ts', import.meta.url));
