/**
 * Loopback ports for servers that must be told their port before they listen: Temporal, the SDK's metrics, HAProxy.
 *
 * A port that is only asked for and closed again may be dealt to somebody else before its server listens. So a connection is
 * made to it and closed by the server's side first: for a minute (TIME_WAIT) the system deals the port to nobody, and who
 * asks for it by its number gets it, because Node, Go, Rust and HAProxy listen with SO_REUSEADDR.
 */
import { connect, createServer, type AddressInfo } from 'node:net';

const HOST = '127.0.0.1';

/** `count` different TCP ports of 127.0.0.1. Throws what the system says where there is none. */
export async function freePorts(count: number): Promise<readonly number[]> {
  const ports: number[] = [];
  while (ports.length < count) ports.push(await freePort());
  return ports;
}

export function freePort(): Promise<number> {
  return new Promise((resolve, reject) => {
    const server = createServer((accepted) => {
      accepted.on('error', reject).end();
    });
    server.once('error', reject);
    server.listen(0, HOST, () => {
      const { port } = server.address() as AddressInfo;
      connect(port, HOST)
        .on('error', reject)
        .resume()
        .once('close', () => {
          server.close(() => {
            resolve(port);
          });
        });
    });
  });
}
