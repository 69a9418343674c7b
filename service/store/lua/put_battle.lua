-- Stores a battle, unless it is there: a repeat of its request changes nothing.
-- KEYS: battle, index of battles
-- ARGV: battle id, record, course, seconds to keep
-- Returns 1 where it is new
if redis.call('HSETNX', KEYS[1], 'record', ARGV[2]) == 0 then
  return 0
end
redis.call('HSET', KEYS[1], 'course', ARGV[3], 'votes', 0)
redis.call('EXPIRE', KEYS[1], ARGV[4])
redis.call('ZADD', KEYS[2], 0, ARGV[1])
return 1
