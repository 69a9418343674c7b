-- Shares a provider's calls in flight among the workers that want some.
--
-- KEYS  1 slots    hash  worker id -> '<granted> <wanted> <expiry in seconds>'
--       2 workers  zset, 3 outage  hash: see outages.lua; a lease that ran out in an outage is still held
-- ARGV  1 worker id, 2 wanted (in use and waiting), 3 held (the maximum in flight until the answer arrives), 4 limit,
--       5 seconds that a lease lives
-- Returns {granted, number of workers that want some}
local me, wanted, mine, limit = ARGV[1], tonumber(ARGV[2]), tonumber(ARGV[3]), tonumber(ARGV[4])
local now, lives = tonumber(redis.call('TIME')[1]), tonumber(ARGV[5])
local is_grace = is_after_outage(KEYS[2], KEYS[3], now)
local entries = redis.call('HGETALL', KEYS[1])
local held, active, hungry = 0, wanted > 0 and 1 or 0, false
for i = 1, #entries, 2 do
  local granted, want, expires = string.match(entries[i + 1], '(%d+) (%d+) (%d+)')
  if tonumber(expires) < now and not is_grace then
    redis.call('HDEL', KEYS[1], entries[i])
  elseif entries[i] ~= me then
    held = held + tonumber(granted)
    if tonumber(want) > 0 then
      active = active + 1
    end
    hungry = hungry or tonumber(want) > tonumber(granted)
  end
end
local granted = math.min(wanted, math.max(limit - held, 0))
if hungry then
  granted = math.min(granted, math.max(math.floor(limit / active), 1))
end
-- A worker keeps the slots that it still holds. The answer has its smaller share, so that it releases the others.
redis.call('HSET', KEYS[1], me, string.format('%d %d %d', math.max(granted, mine), wanted, now + lives))
return {granted, active}
