-- Queues callbacks again that are under way and not in the queue, and forgets those of jobs that have expired.
--
-- KEYS  1 callbacks  zset  ids of ended jobs whose callback is under way
--       2 queue      zset  arq job ids
-- ARGV  1 prefix of jobs, 2 now (milliseconds), 3 milliseconds that an arq job is kept, then the ids of the jobs
-- Returns the number of callbacks that were queued
local queued = 0
for i = 4, #ARGV do
  local arq = redis.call('HMGET', ARGV[1] .. ARGV[i], 'callback_key', 'callback_id', 'callback')
  if not arq[1] then
    redis.call('ZREM', KEYS[1], ARGV[i])
  elseif not redis.call('ZSCORE', KEYS[2], arq[2]) then
    redis.call('SET', arq[1], arq[3], 'PX', ARGV[3])
    redis.call('ZADD', KEYS[2], ARGV[2], arq[2])
    queued = queued + 1
  end
end
return queued
