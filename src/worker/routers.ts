import { EdgeRouter } from '../providers/routers/edge/router.js';
import { HaproxyRouter } from '../providers/routers/haproxy/router.js';
import type { TrafficRouter } from '../providers/ports.js';
import type { RouterConnection } from '../spec/config-schema.js';
import type { Resolved } from '../spec/secrets.js';
import { makerOf, type Makers } from './makers.js';

type Connection = Resolved<RouterConnection>;

const ROUTERS: Makers<Connection, TrafficRouter> = {
  haproxy: ({ adminSocket, masterSocket, directory, control, public: publicUrl, releaseToken }) =>
    new HaproxyRouter({
      adminSocket,
      directory,
      controlUrl: control.replace(/\/+$/, ''),
      publicUrl,
      releaseToken,
      ...(masterSocket === undefined ? {} : { masterSocket }),
    }),
  edge: ({ control, public: publicUrl, token }) => new EdgeRouter({ controlUrl: control, publicUrl, token }),
};

export const makeRouter = makerOf('router', ROUTERS);
