/**
 * Temporal's remote codec protocol: `POST /decode` and `/encode` with `{"payloads": [{"metadata": {…}, "data": "…"}]}`, bytes in
 * base64, and the same back. A page of another origin is refused outright, not only by what the browser makes of CORS: a
 * request without an origin (a CLI) comes from somebody who can reach the port, and that is the limit of who may decrypt.
 */
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import protos from '@temporalio/proto';
import { decrypt, encrypt, encryptedWith, type KeyRing } from '../contract/encryption.js';

export interface CodecServerOptions {
  readonly host: string;
  /** 0 takes any. */
  readonly port: number;
  readonly origin: string;
  readonly keys: KeyRing;
  /** Told of payloads that stay encrypted, with the key that they ask for. */
  readonly onProblem: (problem: string) => void;
}

export interface CodecServer {
  readonly url: string;
  close(): Promise<void>;
}

const { Payload } = protos.temporal.api.common.v1;
/** Above what Temporal lets a whole history page be. */
const MOST_BYTES = 16 * 1_024 * 1_024;
const PATHS = ['/decode', '/encode'] as const;
type Wire = Record<string, unknown>;

/** Rejects where the port cannot be had. */
export async function startCodecServer(options: CodecServerOptions): Promise<CodecServer> {
  const server = createServer((request, response) => {
    answer(request, options).then(
      (result) => {
        send(response, result, options.origin);
      },
      (error: unknown) => {
        send(response, refusal(500, error instanceof Error ? error.message : String(error)), options.origin);
      },
    );
  });
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(options.port, options.host, resolve);
  });
  const { address, port } = server.address() as AddressInfo;
  return {
    url: `http://${address.includes(':') ? `[${address}]` : address}:${port}`,
    close: () =>
      new Promise((resolve) => {
        server.close(() => {
          resolve();
        });
        server.closeAllConnections();
      }),
  };
}

interface Answer {
  readonly status: number;
  readonly body?: object;
}

const refusal = (status: number, error: string): Answer => ({ status, body: { error } });

async function answer(request: IncomingMessage, { origin, keys, onProblem }: CodecServerOptions): Promise<Answer> {
  const { origin: from } = request.headers;
  if (from !== undefined && from !== origin)
    return refusal(403, `pages of ${from.slice(0, 200)} may not ask, only those of ${origin} (--origin)`);
  const { pathname } = new URL(request.url ?? '/', 'http://codec');
  const path = PATHS.find((known) => known === pathname);
  if (path === undefined) return refusal(404, `found the path ${pathname.slice(0, 200)}, expected ${PATHS.join(' or ')}`);
  if (request.method === 'OPTIONS') return { status: 204 };
  if (request.method !== 'POST') return refusal(405, `found ${request.method ?? 'no method'}, expected POST`);
  const text = await bodyOf(request);
  if (text === undefined) return refusal(413, `found more than ${MOST_BYTES} bytes, expected fewer payloads in one request`);
  const payloads = payloadsIn(text);
  if (payloads === undefined) return refusal(400, 'expected {"payloads": [{"metadata": {…}, "data": "…"}]} with bytes in base64');
  const turned = payloads.map((payload) => (path === '/encode' ? encrypt(payload, keys) : decrypt(payload, keys)));
  if (path === '/decode') for (const problem of lockedIn(turned, keys)) onProblem(problem);
  return {
    status: 200,
    body: { payloads: turned.map((payload) => Payload.toObject(Payload.fromObject(payload), { bytes: String })) },
  };
}

/** They are shown as they are, so that one of them does not hide the others. */
function lockedIn(payloads: Parameters<typeof encryptedWith>[0][], { keys }: KeyRing): readonly string[] {
  const locked = new Set(payloads.map(encryptedWith).filter((keyId) => keyId !== undefined));
  return [...locked].map((keyId) =>
    keys.has(keyId)
      ? `a payload does not decrypt with the key "${keyId}": it was changed, or this is another key of that name; it is shown as it is`
      : `a payload is encrypted with the key "${keyId.slice(0, 64)}", expected one of ${[...keys.keys()].join(', ')}; it is shown as it is`,
  );
}

/** Undefined: it is too long. */
async function bodyOf(request: IncomingMessage): Promise<string | undefined> {
  const chunks: Buffer[] = [];
  let bytes = 0;
  for await (const chunk of request as AsyncIterable<Buffer>) {
    bytes += chunk.length;
    if (bytes > MOST_BYTES) return undefined;
    chunks.push(chunk);
  }
  return Buffer.concat(chunks).toString('utf8');
}

function payloadsIn(text: string): ReturnType<typeof Payload.fromObject>[] | undefined {
  try {
    const { payloads } = JSON.parse(text) as { readonly payloads?: unknown };
    if (!Array.isArray(payloads)) return undefined;
    if (!payloads.every((payload): payload is Wire => typeof payload === 'object' && payload !== null)) return undefined;
    return payloads.map((payload) => Payload.fromObject(payload));
  } catch {
    return undefined;
  }
}

function send(response: ServerResponse, { status, body }: Answer, origin: string): void {
  response.writeHead(status, {
    'access-control-allow-origin': origin,
    'access-control-allow-methods': 'POST, OPTIONS',
    'access-control-allow-headers': 'content-type, x-namespace, authorization',
    'access-control-allow-credentials': 'true',
    // A UI on the internet may ask a server on this machine only with this.
    'access-control-allow-private-network': 'true',
    vary: 'origin',
    'cache-control': 'no-store',
    ...(body === undefined ? {} : { 'content-type': 'application/json' }),
    // What is left of an overlong body is not read.
    ...(status === 413 ? { connection: 'close' } : {}),
  });
  response.end(body === undefined ? undefined : `${JSON.stringify(body)}\n`);
}
