-- Moves a battle on, unless another process has moved it since it was read.
--
-- KEYS  1 battle   hash  record, course, votes
--       2 metrics  hash  series -> integer
-- ARGV  1 its course as it was read, 2 its new course, 3 maximum number of series among the metrics,
--       4 msgpack list of {series, amount, series past the maximum} to count if it is moved
-- Returns 1 if it was moved, else 0
if redis.call('HGET', KEYS[1], 'course') ~= ARGV[1] then
  return 0
end
redis.call('HSET', KEYS[1], 'course', ARGV[2])
add_listed(KEYS[2], tonumber(ARGV[3]), cmsgpack.unpack(ARGV[4]))
return 1
