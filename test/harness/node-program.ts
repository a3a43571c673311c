/** How the tests start a TypeScript program as a process of its own. */
import { fileURLToPath } from 'node:url';

/**
 * Arguments for `process.execPath`. The loader is named by its resolved address: a bare `tsx` would be looked up from the
 * child's working folder, which is a temporary one in most tests.
 */
export function typescriptProgram(program: URL, programArguments: readonly string[] = []): string[] {
  return ['--import', import.meta.resolve('tsx'), fileURLToPath(program), ...programArguments];
}
