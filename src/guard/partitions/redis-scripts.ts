/**
 * The scripts of the partitions in Redis. One hash a partition: `release`, `revision`, `epoch`, and a field `w:<worker>` for each
 * lease, `<end in ms> <token>`. The hash has no end: an epoch that was forgotten could not grow.
 */
import { NOW, script, type Script } from '../stores/redis-scripts.js';

/** release, revision, worker, token, lease, cap or '' → ['joined', epoch] or ['waits', release, revision, epoch, workers, ms, ms] */
export const JOIN = script(`${NOW}
local all = redis.call('HGETALL', KEYS[1])
local fields = {}
for i = 1, #all, 2 do fields[all[i]] = all[i + 1] end
local same = fields.release == ARGV[1] and fields.revision == ARGV[2]
local others, first, last = 0, math.huge, 0
for field, value in pairs(fields) do
  if string.sub(field, 1, 2) == 'w:' then
    local till = tonumber(string.match(value, '^%d+'))
    if till <= now then
      redis.call('HDEL', KEYS[1], field)
    elseif not (same and field == 'w:' .. ARGV[3]) then
      others = others + 1
      first = math.min(first, till)
      last = math.max(last, till)
    end
  end
end
if others > 0 and not (same and (ARGV[6] == '' or others < tonumber(ARGV[6]))) then
  return {'waits', fields.release, fields.revision, fields.epoch, others, first - now, last - now}
end
local epoch = tonumber(fields.epoch or '0')
if others == 0 then epoch = epoch + 1 end
redis.call('HSET', KEYS[1], 'release', ARGV[1], 'revision', ARGV[2], 'epoch', epoch,
  'w:' .. ARGV[3], string.format('%.0f', now + ARGV[5]) .. ' ' .. ARGV[4])
return {'joined', epoch}`);

/** worker, token, epoch → `held` */
const FENCE = `${NOW}
local function held()
  local lease = redis.call('HGET', KEYS[1], 'w:' .. ARGV[1])
  if not lease then return false end
  local till, token = string.match(lease, '^(%d+) (.+)$')
  return token == ARGV[2] and tonumber(till) > now and redis.call('HGET', KEYS[1], 'epoch') == ARGV[3]
end`;

/** …, lease → how many workers come before this one, or -1 */
export const RENEW = script(`${FENCE}
if not held() then return -1 end
redis.call('HSET', KEYS[1], 'w:' .. ARGV[1], string.format('%.0f', now + ARGV[4]) .. ' ' .. ARGV[2])
local before = 0
local all = redis.call('HGETALL', KEYS[1])
for i = 1, #all, 2 do
  if string.sub(all[i], 1, 2) == 'w:' and string.sub(all[i], 3) < ARGV[1] and tonumber(string.match(all[i + 1], '^%d+')) > now then
    before = before + 1
  end
end
return before`);

/** → 1 or 0 */
export const LEAVE = script(`${FENCE}
if not held() then return 0 end
return redis.call('HDEL', KEYS[1], 'w:' .. ARGV[1])`);

/** A script of the caller's behind the fence, with `KEYS` and `ARGV` of its own → [1, its answer] or [0] */
export const fenced = (body: string): Script =>
  script(`${FENCE}
local function write(KEYS, ARGV)
${body}
end
if not held() then return {0} end
return {1, write({unpack(KEYS, 2)}, {unpack(ARGV, 4)})}`);
