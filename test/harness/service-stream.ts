/** A stream of server-sent events with a heartbeat and a final end marker (X26), so that a cut is detectable. */
import type { ServerResponse } from 'node:http';
import type { OpenStream } from './service-ledger.js';

const HEARTBEAT_MS = 100;

/** Every event names the revision: a client that began on one revision can see that it ended there (R16). */
export function serveStream(
  response: ServerResponse,
  stream: OpenStream,
  about: { readonly revision: string; readonly seconds: number },
): void {
  const data = JSON.stringify({ revision: about.revision, stream: stream.number });
  response.writeHead(200, { 'content-type': 'text/event-stream', 'cache-control': 'no-store' });
  response.write(`event: start\ndata: ${data}\n\n`);
  const heartbeat = setInterval(() => {
    response.write(`event: heartbeat\ndata: ${data}\n\n`);
  }, HEARTBEAT_MS);
  const end = setTimeout(() => {
    clearInterval(heartbeat);
    response.end(`event: end\ndata: ${data}\n\n`);
  }, about.seconds * 1_000);
  response.once('close', () => {
    clearInterval(heartbeat);
    clearTimeout(end);
    stream.close(response.writableFinished);
  });
}
