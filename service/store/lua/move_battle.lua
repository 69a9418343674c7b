-- Moves a battle on, unless another process has moved it since it was read.
--
-- KEYS  1 battle  hash  record, course, votes
-- ARGV  1 its course as it was read, 2 its new course
-- Returns 1 if it was moved, else 0
if redis.call('HGET', KEYS[1], 'course') ~= ARGV[1] then
  return 0
end
redis.call('HSET', KEYS[1], 'course', ARGV[2])
return 1
