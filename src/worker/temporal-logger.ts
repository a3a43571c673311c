import type { Logger as PinoLogger } from 'pino';
import type { Logger, LogLevel, LogMetadata } from '@temporalio/worker';

const LEVELS = { TRACE: 'trace', DEBUG: 'debug', INFO: 'info', WARN: 'warn', ERROR: 'error' } as const;

type Levels = Record<LogLevel, 'trace' | 'debug' | 'info' | 'warn' | 'error'>;

/**
 * The SDK's lines through our logger, one JSON object each. Its metadata has symbols and buffers, which pino leaves out.
 * `instead`: levels that are another one of ours.
 */
export function temporalLogger(logger: PinoLogger, instead: Partial<Levels> = {}): Logger {
  const levels: Levels = { ...LEVELS, ...instead };
  const log = (level: LogLevel, message: string, meta?: LogMetadata): void => {
    logger[levels[level]](fieldsOf(meta), message);
  };
  return {
    log,
    trace: (message, meta) => {
      log('TRACE', message, meta);
    },
    debug: (message, meta) => {
      log('DEBUG', message, meta);
    },
    info: (message, meta) => {
      log('INFO', message, meta);
    },
    warn: (message, meta) => {
      log('WARN', message, meta);
    },
    error: (message, meta) => {
      log('ERROR', message, meta);
    },
  };
}

/** pino serialises an error under `err`; a rollout's lines bear its id under the same name as ours. */
function fieldsOf(meta: LogMetadata | undefined): object {
  if (meta === undefined) return {};
  const { error, workflowId, ...rest } = meta as Readonly<Record<string, unknown>>;
  const rollout =
    typeof workflowId === 'string' && workflowId.startsWith('rollout/')
      ? { rollout: workflowId }
      : workflowId === undefined
        ? {}
        : { workflowId };
  return { ...rest, ...rollout, ...(error === undefined ? {} : { err: error }) };
}
