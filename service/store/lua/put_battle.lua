-- Stores a battle, unless it is stored already.
--
-- KEYS  1 battle   hash  record, course, votes
--       2 battles  zset  ids of battles
-- ARGV  1 battle id, 2 record, 3 course, 4 the keep time (seconds)
-- Returns 1 if it is new, else 0
if redis.call('HSETNX', KEYS[1], 'record', ARGV[2]) == 0 then
  return 0
end
redis.call('HSET', KEYS[1], 'course', ARGV[3], 'votes', 0)
redis.call('EXPIRE', KEYS[1], ARGV[4])
redis.call('ZADD', KEYS[2], 0, ARGV[1])
return 1
