/** TypeScript is not loaded in worker threads by itself. */
import { register } from 'tsx/esm/api';

register();
await import('./worker.ts');
