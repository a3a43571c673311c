import { request } from 'undici';
import { transient } from '../../errors.js';
import type { Deadline } from './deadline.js';

/** A connection of its own: a kept one could be answered by a worker of an earlier load. */
export async function get(url: string, deadline: Deadline): Promise<{ readonly status: number; readonly body: string }> {
  const signal = AbortSignal.timeout(Math.max(1, Math.ceil(deadline.leftMs())));
  try {
    const { statusCode, body } = await request(url, { reset: true, signal });
    return { status: statusCode, body: await body.text() };
  } catch (error) {
    if (signal.aborted) throw deadline.passed();
    throw transient(`${url}: ${error instanceof Error ? error.message : String(error)}`, error);
  }
}
