import type { Deadline } from '../slots/deadline.js';
import type { ControlState } from '../slots/control-state.js';
import { readControl } from './control.js';
import { MapFiles } from './map-files.js';
import { OldWorkers } from './old-workers.js';
import { RuntimeMaps } from './runtime-maps.js';
import { ask } from './socket.js';

export interface PlaneOptions {
  /** `admin.sock` in RUN. */
  readonly adminSocket: string;
  /** `master.sock` in RUN (`-S`). Without it the workers of an earlier load learn of a rollback by their lease only. */
  readonly masterSocket?: string;
  /** RUN, spelt as HAProxy was told it: its maps are addressed by their files' paths. */
  readonly directory: string;
  /** Base address of the frontend `ctl`, without a trailing slash. */
  readonly controlUrl: string;
}

/** The four ways to one HAProxy: what it serves by, what it returns to, its old workers, and its own account. */
export class Plane {
  readonly runtime: RuntimeMaps;
  readonly files: MapFiles;
  readonly oldWorkers: OldWorkers | undefined;
  readonly #controlUrl: string;

  constructor(options: PlaneOptions) {
    const { adminSocket, masterSocket, directory, controlUrl } = options;
    this.runtime = new RuntimeMaps((command, deadline) => ask(adminSocket, command, deadline), directory);
    this.files = new MapFiles(directory);
    this.oldWorkers = masterSocket === undefined ? undefined : new OldWorkers(masterSocket, directory);
    this.#controlUrl = controlUrl;
  }

  control(service: string, ramp: string | undefined, deadline: Deadline): Promise<ControlState> {
    return readControl(this.#controlUrl, service, ramp, deadline);
  }
}
