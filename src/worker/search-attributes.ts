import type { Logger } from 'pino';
import proto from '@temporalio/proto';
import type { NativeConnection } from '@temporalio/worker';
import { SEARCH_ATTRIBUTES } from '../contract/names.js';

const { IndexedValueType } = proto.temporal.api.enums.v1;
type ValueType = proto.temporal.api.enums.v1.IndexedValueType;
const KEYWORD: ValueType = IndexedValueType.INDEXED_VALUE_TYPE_KEYWORD;
const INT: ValueType = IndexedValueType.INDEXED_VALUE_TYPE_INT;

const TYPES: Readonly<Record<string, ValueType>> = Object.fromEntries(
  Object.entries(SEARCH_ATTRIBUTES).map(([field, name]) => [name, field === 'weight' ? INT : KEYWORD]),
);

const DEADLINE_MS = 5_000;
const USABLE_WITHIN_MS = 15_000;
const LOOK_EVERY_MS = 250;

/**
 * Registers what rollouts are found by, and waits until it can be used: a rollout that sets an unknown attribute fails its task.
 * Where that is not allowed (Temporal Cloud, or somebody else's namespace) it says what to do and goes on.
 */
export async function registerSearchAttributes(connection: NativeConnection, namespace: string, logger: Logger): Promise<void> {
  const call = <T>(fn: () => Promise<T>): Promise<T> => connection.withDeadline(Date.now() + DEADLINE_MS, fn);
  try {
    const { customAttributes } = await call(() => connection.operatorService.listSearchAttributes({ namespace }));
    // Only the missing ones: a request with one that exists is refused as a whole.
    const missing = Object.entries(TYPES).filter(([name]) => !Object.hasOwn(customAttributes, name));
    if (missing.length > 0)
      await call(() =>
        connection.operatorService.addSearchAttributes({ namespace, searchAttributes: Object.fromEntries(missing) }),
      );
  } catch (error) {
    // Another worker that started at the same time was first.
    if (!isAlreadyThere(error)) {
      const commands = Object.entries(TYPES).map(([name, type]) => `--name ${name} --type ${type === INT ? 'Int' : 'Keyword'}`);
      logger.warn(
        { namespace, error: error instanceof Error ? error.message : String(error) },
        `the search attributes could not be registered; if they are not there: temporal operator search-attribute create ${commands.join(' ')}`,
      );
      return;
    }
  }
  await untilUsable(connection, namespace, logger);
}

/** The server's caches follow after seconds. */
async function untilUsable(connection: NativeConnection, namespace: string, logger: Logger): Promise<void> {
  const query = Object.entries(TYPES)
    .map(([name, type]) => `${name} = ${type === INT ? '0' : "'x'"}`)
    .join(' OR ');
  for (const until = performance.now() + USABLE_WITHIN_MS; ;) {
    try {
      await connection.withDeadline(Date.now() + DEADLINE_MS, () =>
        connection.workflowService.countWorkflowExecutions({ namespace, query }),
      );
      return;
    } catch (error) {
      if (performance.now() >= until) {
        logger.warn(
          { namespace, error: error instanceof Error ? error.message : String(error) },
          'the search attributes are registered and cannot be used yet',
        );
        return;
      }
      await new Promise((resolve) => setTimeout(resolve, LOOK_EVERY_MS));
    }
  }
}

/** gRPC status 6. */
const isAlreadyThere = (error: unknown): boolean => error instanceof Error && 'code' in error && error.code === 6;
