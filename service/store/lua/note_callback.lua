-- Notes an attempt to deliver a job's callback, unless the job has expired.
--
-- KEYS  1 job        hash  callback_attempts, callback_status, callback_error
--       2 callbacks  zset  ids of ended jobs whose callback is under way
-- ARGV  1 job id, 2 attempts to add, 3 new status, or '' to leave it, 4 newest error, or '' to remove it
-- Returns the number of attempts so far
if redis.call('EXISTS', KEYS[1]) == 0 then
  redis.call('ZREM', KEYS[2], ARGV[1])
  return 0
end
local attempts = redis.call('HINCRBY', KEYS[1], 'callback_attempts', ARGV[2])
if ARGV[3] ~= '' then
  redis.call('HSET', KEYS[1], 'callback_status', ARGV[3])
  if ARGV[3] ~= 'pending' then
    redis.call('ZREM', KEYS[2], ARGV[1])
  end
  if ARGV[4] ~= '' then
    redis.call('HSET', KEYS[1], 'callback_error', ARGV[4])
  else
    redis.call('HDEL', KEYS[1], 'callback_error')
  end
end
return attempts
