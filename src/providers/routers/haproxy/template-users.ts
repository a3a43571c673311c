/** The front end `fe`: users' requests, each routed by what the maps say at that moment. */
import { PIN_SOURCES_FILE } from './maps.js';
import { ECHO_PATH } from '../slots/names.js';
import { map, readRoute } from './template-parts.js';

/** `silenceS`: how long a client's connection may be idle. */
export function usersFrontend(first: string, silenceS: number): string {
  const line = logLine({
    at: '%[var(txn.at)]',
    svc: '"%[var(txn.svc),json(utf8s)]"',
    slot: '"%[var(txn.slot)]"',
    role: '"%[var(txn.role)]"',
    why: '"%[var(txn.why)]"',
    gen: '"%[var(txn.gen),json(utf8s)]"',
    lease: '"%[var(txn.lease)]"',
    release: '"%[var(txn.release),json(utf8s)]"',
    st: '%ST',
    Ta: '%Ta',
    Tr: '%Tr',
    ts: '"%tsc"',
    bytes: '%B',
    ct: '"%[var(txn.ct)]"',
    pid: '%pid',
    stick: '"%[var(txn.stick)]"',
  });
  const none = '"-"';
  const unrouted = logLine({
    at: '%Ts%ms',
    ...{ svc: none, slot: none, role: none, why: none, gen: none, lease: none, release: none },
    ...{ st: '%ST', Ta: '%Ta', Tr: '%Tr', ts: '"%tsc"', bytes: '%B', ct: none, pid: '%pid', stick: none },
  });
  const problem = (status: number, title: string, detail: string): string =>
    `http-request return status ${String(status)} content-type application/problem+json string '${JSON.stringify({ type: 'about:blank', title, status, detail })}'`;
  return `frontend fe
  bind "\${BIND-127.0.0.1}:\${PORT}"
  # One JSON line per finished response; "at" is when it was routed. A value that is missing reads "-".
  # ts: ---- complete, SD-- slot died mid-answer, SH-- before it, CD-- client left, CH-- before it, sD--/sH-- slot silent,
  # SC-- no connect, LR-- answered here, K--- cut by an operator. A body that is ended by close always reads ----.
  log-format '${line}'
  # bytes that never became a request: the same keys, so that no reader stumbles
  error-log-format '${unrouted}'
  http-request set-var(txn.at) date(0,ms)
  # The echo: where would a request go now? Answered below, by HAProxy itself, and not in the log: it is nobody's traffic (A9)
  http-request set-var(txn.echo) bool(true) if { path ${ECHO_PATH} }
  http-request set-log-level silent if { var(txn.echo) -m bool }
  # service
  http-request set-var(txn.svc) url_param(svc) if { var(txn.echo) -m bool } { url_param(svc) -m reg ^[A-Za-z0-9_-]{1,64}$ }
  http-request set-var(txn.svc) "req.hdr(host),field(1,:),lower,map_str(${map('hosts')})" if !{ var(txn.svc) -m found }
  http-request set-var(txn.svc) "path,map_beg(${map('paths')})" if !{ var(txn.svc) -m found }
  http-request set-var(txn.svc) "str(\${SERVICE-${first}})" if !{ var(txn.svc) -m found }
  # The order of reading matters: fence, route, lease, revoked, and stable LAST. Finalise writes stable first and revokes then;
  # read the other way round, a request of another thread could see "revoked" together with the old stable slot.
${readRoute()}
  http-request set-var(txn.cand) var(txn.cfg),field(1,:) if { var(txn.cfg),field(1,:) -m str blue green }
  http-request set-var(txn.w) var(txn.cfg),field(2,:) if { var(txn.cfg),field(2,:) -m reg ^[0-9]{1,5}$ } { var(txn.cfg),field(2,:) -m int le 10000 }
  http-request set-var(txn.by) var(txn.cfg),field(3,:) if { var(txn.cfg),field(3,:) -m str cookie header }
  http-request set-var(txn.by) str(user) if { var(txn.cfg),field(3,:) -m str on }
  http-request set-var(txn.ramp) var(txn.gen),field(1,.)
  http-request set-var(txn.exp) "var(txn.ramp),map_str(${map('leases')},0)"
  http-request set-var(txn.gone) "var(txn.ramp),map_str(${map('revoked')},no)"
  http-request set-var(txn.stable) "var(txn.svc),map_str(${map('stable')})"
  ${problem(503, 'Service Unavailable', 'no stable slot for this service')} if !{ var(txn.stable) -m str blue green }
  # The lease is live only if now < expiry <= now + 1 h: missing, not a number, or milliseconds written by mistake are expired.
  http-request set-var(txn.lease) str(expired)
  http-request set-var(txn.lease) str(live) if { var(txn.exp) -m reg ^[0-9]{1,10}$ } { date,sub(txn.exp) -m int lt 0 } { date,sub(txn.exp),add(3600) -m int ge 0 }
  http-request set-var(txn.lease) str(revoked) if !{ var(txn.gone) -m str no }
  # 1 Pin (A15): by token, compared in constant time, or source address. The token never goes upstream; without leave the
  #   pin's headers vanish. A pin beats weight, lease and revocation, and an unknown or dead one fails: it never falls through.
  http-request set-var(txn.tok) env(RELEASE_TOKEN)
  http-request set-var(txn.leave) bool(true) if { var(txn.tok),length ge 16 } { req.fhdr(x-release-token),secure_memcmp(txn.tok) -m bool }
  http-request set-var(txn.leave) bool(true) if { src -f "\${RUN}/${PIN_SOURCES_FILE}" }
  http-request del-header x-release-token
  http-request del-header x-release if !{ var(txn.leave) -m bool }
  http-request del-header x-canary if !{ var(txn.leave) -m bool }
  http-request set-var(txn.pin) req.fhdr(x-release),lower if { req.fhdr(x-release) -m found }
  http-request set-var(txn.pin) str(canary) if !{ var(txn.pin) -m found } { req.fhdr(x-canary) -m str -i true }
  http-request set-var(txn.pin) str(bad) if !{ var(txn.pin) -m found } { req.fhdr(x-canary) -m found } !{ req.fhdr(x-canary) -m str -i false }
  http-request set-var(txn.slot) var(txn.pin) if { var(txn.pin) -m str blue green }
  http-request set-var(txn.slot) var(txn.stable) if { var(txn.pin) -m str stable }
  http-request set-var(txn.slot) var(txn.cand) if { var(txn.pin) -m str canary new } { var(txn.cand) -m found }
  http-request set-var(txn.why) str(pin) if { var(txn.pin) -m found }
  http-request set-var(txn.pinbe) "var(txn.svc),concat(-,txn.slot)" if { var(txn.why) -m str pin } { var(txn.slot) -m found }
  ${problem(421, 'Misdirected Request', 'unknown release pin, or no candidate; known: canary, new, stable, blue, green')} if { var(txn.why) -m str pin } !{ var(txn.slot) -m found }
  # a worker that is stopping counts no servers at all, so it cannot say who is dead
  ${problem(421, 'Misdirected Request', 'the pinned release has no live server')} if { var(txn.pinbe) -m found } { var(txn.pinbe),nbsrv eq 0 } !{ stopping }
  # 2 lease past or ramp revoked: everybody else to stable
  http-request set-var(txn.why) str(no-lease) if !{ var(txn.why) -m found } !{ var(txn.lease) -m str live }
  # 3 no candidate, or it is the stable slot already
  http-request set-var(txn.why) str(no-candidate) if !{ var(txn.why) -m found } !{ var(txn.cand) -m found } || !{ var(txn.why) -m found } { var(txn.cand),strcmp(txn.stable) eq 0 }
  # 4 A stream's reconnect (R17): cookie relpin=<ramp>.<slot>, inside its ramp only, and never against 0 or 100 %, which are exact
  http-request set-var(txn.rp) req.cook(relpin),field(2,.) if !{ var(txn.why) -m found } { var(txn.w) -m int 1:9999 } { req.cook(relpin),field(1,.),strcmp(txn.ramp) eq 0 } { req.cook(relpin),field(2,.) -m str blue green }
  http-request set-var(txn.why) str(relpin) if { var(txn.rp) -m found }
  http-request set-var(txn.hit) bool(true) if { var(txn.rp) -m found } { var(txn.rp),strcmp(txn.cand) eq 0 }
  # 5 Sticky (A17): bucket = hash(service/release/user) mod 10000. Monotone while a release rises; other users for the next release.
  #   Users are told apart by what the route says (R18): their id, the cookie alone, or the key that the caller repeats; an identity
  #   always, never a memory of the slot: with one, whoever changes identity stays on the candidate once there, and its share grows
  acl decided var(txn.why) -m found
  http-request set-var(txn.uid) "req.fhdr(\${UID_HEADER-x-user-id})" if !decided { var(txn.by) -m str user } { "req.fhdr(\${UID_HEADER-x-user-id})" -m len 1:256 }
  http-request set-var(txn.uid) "req.fhdr(\${STICKY_HEADER-x-sticky-key})" if !decided { var(txn.by) -m str header } { "req.fhdr(\${STICKY_HEADER-x-sticky-key})" -m len 1:256 }
  http-request set-var(txn.uid) req.cook(uid) if !decided { var(txn.by) -m found } !{ var(txn.uid) -m found } { req.cook(uid) -m reg ^[0-9a-f-]{16,64}$ }
  http-request set-var(txn.newuid) uuid() if !decided { var(txn.by) -m found } !{ var(txn.uid) -m found }
  http-request set-var(txn.uid) var(txn.newuid) if { var(txn.newuid) -m found }
  http-request set-var(txn.salt) var(txn.ramp),field(1,~)
  http-request set-var(txn.r) "var(txn.svc),concat(/,txn.salt,/),concat(,txn.uid),xxh32,mod(10000)" if { var(txn.uid) -m found }
  http-request set-var(txn.r) rand(10000) if !{ var(txn.r) -m found }
  http-request set-var(txn.hit) bool(true) if !decided { var(txn.w) -m found } { var(txn.r),sub(txn.w) -m int lt 0 }
  http-request set-var(txn.why) str(bucket) if !decided { var(txn.uid) -m found }
  http-request set-var(txn.why) str(draw) if !decided
  # 6 a candidate without a live server gets no draw (I8)
  http-request set-var(txn.candbe) "var(txn.svc),concat(-,txn.cand)"
  http-request set-var(txn.slot) var(txn.cand) if { var(txn.hit) -m bool } { var(txn.candbe),nbsrv gt 0 }
  http-request set-var(txn.why) str(candidate-down) if { var(txn.hit) -m bool } !{ var(txn.slot) -m found }
  http-request set-var(txn.slot) var(txn.stable) if !{ var(txn.slot) -m found }
  http-request set-var(txn.role) str(stable)
  http-request set-var(txn.role) str(candidate) if !{ var(txn.slot),strcmp(txn.stable) eq 0 }
  # 7 Do users stay (R18)? The candidate's answers leave a mark of the ramp and of what users are told apart by. Who comes back with
  #   it has returned: kept on the candidate, or broken, where the bucket says stable. Not where a dead candidate, a pin or a lease says
  http-request set-var(txn.mark) "var(txn.ramp),concat(.,txn.by)" if { var(txn.why) -m str bucket } { var(txn.w) -m int 1:9999 }
  http-request set-var(txn.stick) str(kept) if { var(txn.mark) -m found } { req.cook(relwas),strcmp(txn.mark) eq 0 }
  http-request set-var(txn.stick) str(broken) if { var(txn.stick) -m found } { var(txn.role) -m str stable }
  http-request set-var(txn.release) "var(txn.svc),concat(/,txn.slot),map_str(${map('releases')},-)"
  http-request return status 200 content-type application/json lf-string '{"gen":"%[var(txn.gen),json(utf8s)]","slot":"%[var(txn.slot)]","role":"%[var(txn.role)]","why":"%[var(txn.why)]","lease":"%[var(txn.lease)]","pid":%pid}' if { var(txn.echo) -m bool }
  # what was decided, to the slot and to the client (also on HAProxy's own answers)
  http-request set-header X-Release-Slot %[var(txn.slot)]
  http-request set-header X-Release-Role %[var(txn.role)]
  http-request set-header X-Route-Why %[var(txn.why)]
  http-request set-header X-Route-Gen %[var(txn.gen)]
  http-request set-header X-Route-Lease %[var(txn.lease)]
  # a slot's own promise is not kept here: a client that trusted it would write into a connection that is being closed
  http-after-response set-header Keep-Alive timeout=${String(silenceS)}
  http-after-response set-header X-Release-Slot %[var(txn.slot)]
  http-after-response set-header X-Release-Role %[var(txn.role)]
  http-after-response set-header X-Route-Why %[var(txn.why)]
  http-after-response set-header X-Route-Gen %[var(txn.gen)]
  http-after-response set-header X-Route-Lease %[var(txn.lease)]
  # bare type and subtype, and only characters that cannot break the line
  http-after-response set-var(txn.ct) 'res.hdr(content-type),field(1,;),lower,bytes(0,64),regsub("[^a-z0-9/.+-]",,g)'
  http-after-response add-header Set-Cookie "uid=%[var(txn.newuid)]; Path=/; Max-Age=31536000; HttpOnly; SameSite=Lax" if { var(txn.newuid) -m found } !{ var(txn.echo) -m bool }
  http-after-response add-header Set-Cookie "relpin=%[var(txn.ramp)].%[var(txn.slot)]; Path=/; Max-Age=600; HttpOnly; SameSite=Lax" if { str("\${RELPIN-on}") -m str on } { var(txn.why) -m str bucket draw } { var(txn.ct) -m str text/event-stream application/x-ndjson }
  # Marked where the user's identity is known, not given just now: of the ids that several first requests get, one alone stays.
  # Whoever left is counted once, until the candidate answers again
  http-after-response add-header Set-Cookie "relwas=%[var(txn.mark)]; Path=/; Max-Age=600; HttpOnly; SameSite=Lax" if { var(txn.mark) -m found } { var(txn.role) -m str candidate } !{ var(txn.stick) -m found } !{ var(txn.newuid) -m found } !{ var(txn.echo) -m bool }
  http-after-response add-header Set-Cookie "relwas=; Path=/; Max-Age=0; HttpOnly; SameSite=Lax" if { var(txn.stick) -m str broken } !{ var(txn.echo) -m bool }
  use_backend %[var(txn.svc)]-%[var(txn.slot)]
  default_backend nowhere`;
}

/** One line's keys and values; the order is part of what readers were told. */
function logLine(values: Readonly<Record<string, string>>): string {
  return `{${Object.entries(values)
    .map(([key, value]) => `"${key}":${value}`)
    .join(',')}}`;
}
