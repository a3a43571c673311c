/**
 * The scripts of the Redis store. One hash a scope: `f` fingerprint, `n` attempt, `t` token, `l` end of the lease, `r` record.
 * Time is the server's, and a script is the unit that nothing interrupts. No token: nobody holds it.
 */
import { createHash } from 'node:crypto';

export interface Script {
  readonly text: string;
  readonly sha1: string;
}

export const script = (text: string): Script => ({ text, sha1: createHash('sha1').update(text).digest('hex') });

/** Milliseconds, in `now`. */
export const NOW = `local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)`;

/** fingerprint, token, lease, retention → [kind, …] */
export const CLAIM = script(`${NOW}
local known = redis.call('HMGET', KEYS[1], 'f', 'n', 'l')
if known[1] then
  if known[1] ~= ARGV[1] then return {'mismatch'} end
  local record = redis.call('HGET', KEYS[1], 'r')
  if record then return {'done', record} end
  local left = tonumber(known[3]) - now
  if left > 0 then return {'busy', left} end
end
local attempt = tonumber(known[2] or '0') + 1
redis.call('HSET', KEYS[1], 'f', ARGV[1], 'n', attempt, 't', ARGV[2], 'l', now + ARGV[3])
if redis.call('PTTL', KEYS[1]) < tonumber(ARGV[4]) then redis.call('PEXPIRE', KEYS[1], ARGV[4]) end
return {'claimed', attempt}`);

/** token, record, retention → 1 or 0 */
export const COMPLETE = script(`if redis.call('HGET', KEYS[1], 't') ~= ARGV[1] then return 0 end
redis.call('HSET', KEYS[1], 'r', ARGV[2])
redis.call('PEXPIRE', KEYS[1], ARGV[3])
return 1`);

/** token, lease → 1 or 0 */
export const RENEW = script(`${NOW}
if redis.call('HGET', KEYS[1], 't') ~= ARGV[1] or redis.call('HEXISTS', KEYS[1], 'r') == 1 then return 0 end
redis.call('HSET', KEYS[1], 'l', now + ARGV[2])
return 1`);

/** token, 'unknown' or 'none' → 1 or 0 */
export const RELEASE =
  script(`if redis.call('HGET', KEYS[1], 't') ~= ARGV[1] or redis.call('HEXISTS', KEYS[1], 'r') == 1 then return 0 end
local attempt = tonumber(redis.call('HGET', KEYS[1], 'n'))
if ARGV[2] == 'none' then attempt = attempt - 1 end
if attempt == 0 then redis.call('DEL', KEYS[1]) else
  redis.call('HDEL', KEYS[1], 't')
  redis.call('HSET', KEYS[1], 'n', attempt, 'l', 0)
end
return 1`);
