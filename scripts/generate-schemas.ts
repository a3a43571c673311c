/** Writes `docs/reference/` from the schemas. `npx tsx scripts/generate-schemas.ts`; a test fails where it was forgotten. */
import { mkdirSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { referenceFiles } from '../src/spec/reference-files.js';

const directory = fileURLToPath(new URL('../docs/reference/', import.meta.url));
mkdirSync(directory, { recursive: true });
for (const { name, text } of referenceFiles()) {
  writeFileSync(`${directory}${name}`, text);
  console.log(`docs/reference/${name}`);
}
