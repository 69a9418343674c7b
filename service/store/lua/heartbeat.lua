-- Notes that a worker is alive.
--
-- KEYS  1 workers  zset  worker id by the end of its heartbeat (seconds)
--       2 outage   hash  see outages.lua
-- ARGV  1 worker id, 2 seconds that a heartbeat lasts
local now = tonumber(redis.call('TIME')[1])
is_after_outage(KEYS[1], KEYS[2], now)
redis.call('ZADD', KEYS[1], now + ARGV[2], ARGV[1])
redis.call('ZREMRANGEBYSCORE', KEYS[1], '-inf', now - ARGV[2])
