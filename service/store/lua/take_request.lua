-- Counts a request of an API key unless there were too many within the last minute.
--
-- KEYS  1 times  list  times of the newest requests (milliseconds), the newest first
-- ARGV  1 maximum number of requests within a minute
-- Returns 0, or the milliseconds after which the next request is counted
local MINUTE = 60000
local most = tonumber(ARGV[1])
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local first = redis.call('LINDEX', KEYS[1], most - 1)
if first and now - tonumber(first) < MINUTE then
  return math.max(MINUTE - (now - tonumber(first)), 1)
end
redis.call('LPUSH', KEYS[1], string.format('%.0f', now))
redis.call('LTRIM', KEYS[1], 0, most - 1)
redis.call('PEXPIRE', KEYS[1], MINUTE)
return 0
