-- Moves a breaker of calls to one model. Times are those of the store's clock.
--
-- KEYS  1 breakers  hash  "provider/model" -> msgpack {milliseconds since when it is open or 0, milliseconds until which
--                         nobody calls, the present wait in milliseconds, milliseconds until which a call tries or 0,
--                         reason and words of the newest failure}
-- ARGV  1 "provider/model", 2 move: open | probe | failed | answered | dropped, 3 first wait, 4 longest wait,
--       5 milliseconds for which a trying call holds its place, 6 reason, 7 words, 8 channel
-- Returns {1 if open, milliseconds until the next call may try, 1 if the caller may try now, reason, words, since}
local model, move, lease = ARGV[1], ARGV[2], tonumber(ARGV[5])
local time = redis.call('TIME')
local now = tonumber(time[1]) * 1000 + math.floor(tonumber(time[2]) / 1000)
local stored = redis.call('HGET', KEYS[1], model)
local since, ends, wait, probe, reason, words = 0, 0, 0, 0, '', ''
if stored then
  since, ends, wait, probe, reason, words = unpack(cmsgpack.unpack(stored))
end
local granted, changed = 0, false
if move == 'open' and since == 0 then
  since, wait, probe, reason, words = now, tonumber(ARGV[3]), 0, ARGV[6], ARGV[7]
  ends, changed = now + wait, true
elseif since > 0 and move == 'probe' and now >= ends and now >= probe then
  probe, granted = now + lease, 1
elseif since > 0 and move == 'failed' then
  wait = math.min(wait * 2, tonumber(ARGV[4]))
  ends, probe, reason, words, changed = now + wait, 0, ARGV[6], ARGV[7], true
elseif since > 0 and move == 'answered' then
  since, ends, wait, probe, reason, words, changed = 0, 0, 0, 0, '', '', true
elseif since > 0 and move == 'dropped' then
  probe = 0
end
if changed or granted == 1 or move == 'dropped' then
  redis.call('HSET', KEYS[1], model, cmsgpack.pack({since, ends, wait, probe, reason, words}))
end
if changed then
  redis.call('PUBLISH', ARGV[8], model)
end
return {since > 0 and 1 or 0, math.max(ends, probe) - now, granted, reason, words, since}
