import { pino, type Logger } from 'pino';

/**
 * The same logger, and every child of it, with `hide` over each finished line: whatever a message, a field or a stack says. pino
 * takes such a hook where a logger is made, and ours is made by whoever starts the worker; children inherit it.
 */
export function redactedLogger(logger: Logger, hide: (line: string) => string): Logger {
  const child = logger.child({});
  const { hooksSym } = pino.symbols;
  const hooked = child as unknown as Record<symbol, { readonly streamWrite?: (line: string) => string } | undefined>;
  const { streamWrite = (line: string) => line, ...hooks } = hooked[hooksSym] ?? {};
  hooked[hooksSym] = { ...hooks, streamWrite: (line: string) => hide(streamWrite(line)) };
  return child;
}
