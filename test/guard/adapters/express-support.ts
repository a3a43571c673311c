/** Small Express applications behind a guard, each served on a port of its own. */
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import express, { type Express } from 'express';
import { tenantFrom, type AdapterStage } from './conformance.js';

export const tenant = (request: { headers: NodeJS.Dict<string | string[]> }): string => tenantFrom(request.headers['x-tenant']);

export interface ExpressStage extends AdapterStage {
  readonly server: Server;
  readonly port: number;
}

export async function serve(app: Express): Promise<ExpressStage> {
  const server = createServer(app as unknown as () => void);
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  return {
    server,
    port,
    send: (path, init) => fetch(`http://127.0.0.1:${String(port)}${path}`, init),
    stop: () =>
      new Promise((resolve) => {
        server.close(() => {
          resolve();
        });
        server.closeAllConnections();
      }),
  };
}

export async function withApp(build: (app: Express) => void, body: (stage: ExpressStage) => Promise<void>): Promise<void> {
  const app = express().set('env', 'test');
  build(app);
  const stage = await serve(app);
  try {
    await body(stage);
  } finally {
    await stage.stop();
  }
}

export const post = (key: string, body: string, headers = {}): RequestInit => ({
  method: 'POST',
  body,
  headers: { 'content-type': 'application/json', 'idempotency-key': key, ...headers },
});
