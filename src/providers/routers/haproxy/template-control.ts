/** The front end `ctl`: what HAProxy says of itself. `control.ts` reads it. */
import { CONTROL_PATH } from '../slots/names.js';
import { map, readRoute } from './template-parts.js';

export function controlFrontend(services: readonly { readonly name: string }[], first: string): string {
  const sessions = services.flatMap(({ name }) => [
    `  http-request set-var(txn.cb) be_conn(${name}-blue) if { var(txn.svc) -m str ${name} }`,
    `  http-request set-var(txn.cg) be_conn(${name}-green) if { var(txn.svc) -m str ${name} }`,
  ]);
  const known = services.map(({ name }) => `"${name}"`).join(',');
  const body = [
    '"nowMs":%[date(0,ms)]',
    '"pid":%pid',
    '"service":"%[var(txn.svc)]"',
    '"stable":"%[var(txn.stable)]"',
    '"key":"%[var(txn.key)]"',
    '"ramp":"%[var(txn.ramp)]"',
    '"epoch":%[var(txn.epoch)]',
    '"owner":"%[var(txn.owner),json(utf8s)]"',
    '"route":"%[var(txn.cfg),json(utf8s)]"',
    '"sequence":%[var(txn.seq)]',
    '"leaseExpiry":"%[var(txn.exp),json(utf8s)]"',
    '"revoked":"%[var(txn.gone),json(utf8s)]"',
    '"releases":{"blue":"%[var(txn.relb),json(utf8s)]","green":"%[var(txn.relg),json(utf8s)]"}',
    '"nbsrv":{"blue":%[var(txn.beb),nbsrv],"green":%[var(txn.beg),nbsrv]}',
    '"sessions":{"blue":%[var(txn.cb)],"green":%[var(txn.cg)]}',
    '"asked":{"ramp":"%[var(txn.ask)]","info":"%[var(txn.askinfo),json(utf8s)]","leaseExpiry":"%[var(txn.askexp),json(utf8s)]","revoked":"%[var(txn.askgone),json(utf8s)]"}',
  ].join(',');
  return `# Read-back and clock for the controller: GET ${CONTROL_PATH}?svc=<service>[&ramp=<ramp>]. Loopback only, it has no login.
# "ramp" is the fence's: it survives a reload, which the route does not.
frontend ctl
  bind 127.0.0.1:"\${CTL}"
  no log
  http-request set-var(txn.svc) "str(\${SERVICE-${first}})"
  http-request set-var(txn.svc) url_param(svc) if { url_param(svc) -m reg ^[A-Za-z0-9_-]{1,64}$ }
${readRoute()}
  http-request set-var(txn.key) var(txn.svc)
  http-request set-var(txn.key) var(txn.svc),concat(/,txn.live) if { var(txn.live) -m found }
  http-request set-var(txn.ramp) str(none)
  http-request set-var(txn.ramp) var(txn.live) if { var(txn.live) -m found }
  http-request set-var(txn.seq) int(0)
  http-request set-var(txn.seq) var(txn.gen),field(2,.),add(0) if { var(txn.gen),field(2,.) -m reg ^[0-9]{1,9}$ }
  http-request set-var(txn.info) "var(txn.ramp),map_str(${map('ramp-info')},0:unknown)"
  http-request set-var(txn.epoch) int(0)
  http-request set-var(txn.epoch) var(txn.info),field(1,:),add(0) if { var(txn.info),field(1,:) -m reg ^[0-9]{1,9}$ }
  http-request set-var(txn.owner) var(txn.info),field(2,:,0)
  http-request set-var(txn.exp) "var(txn.ramp),map_str(${map('leases')},0)"
  http-request set-var(txn.gone) "var(txn.ramp),map_str(${map('revoked')},no)"
  http-request set-var(txn.stable) "var(txn.svc),map_str(${map('stable')},none)"
  http-request set-var(txn.relb) "var(txn.svc),concat(/blue),map_str(${map('releases')},-)"
  http-request set-var(txn.relg) "var(txn.svc),concat(/green),map_str(${map('releases')},-)"
  # one ramp that the caller names, live or not
  http-request set-var(txn.ask) str(none)
  http-request set-var(txn.ask) url_param(ramp) if { url_param(ramp) -m reg ^[A-Za-z0-9_~-]{1,512}$ }
  http-request set-var(txn.askinfo) "var(txn.ask),map_str(${map('ramp-info')},none)"
  http-request set-var(txn.askexp) "var(txn.ask),map_str(${map('leases')},0)"
  http-request set-var(txn.askgone) "var(txn.ask),map_str(${map('revoked')},no)"
  http-request set-var(txn.beb) var(txn.svc),concat(-blue)
  http-request set-var(txn.beg) var(txn.svc),concat(-green)
  # be_conn takes no computed name, so two lines a service
  http-request set-var(txn.cb) int(-1)
  http-request set-var(txn.cg) int(-1)
${sessions.join('\n')}
  http-request return status 404 content-type application/json string '{"known":[${known}]}' if { path ${CONTROL_PATH} } { var(txn.cb) -m int lt 0 }
  http-request return status 200 content-type application/json lf-string '{${body}}' if { path ${CONTROL_PATH} }
  http-request return status 404`;
}
