// The demo's service in one container a slot: writes the files that a deployment would bring, then serves.
// PORT RELEASE REVISION FOLDER in the environment, as src/cli/demo/sample-service.ts says. Needs `npm run build`.
import { deployFiles } from '../../dist/cli/demo/answers.js';

deployFiles(process.env.FOLDER);
await import('../../dist/cli/demo/sample-service.js');
