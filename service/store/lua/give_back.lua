-- Takes back the try of a chunk that goes back to the queue, so that it counts as not begun.
--
-- KEYS  1 job  hash  its record and state
-- ARGV  1 number of the chunk, 2 the calls made for its items so far (msgpack), '' for none
if redis.call('EXISTS', KEYS[1]) == 0 then
  return
end
local tried = 'tried:' .. ARGV[1]
redis.call('HINCRBY', KEYS[1], 'tries:' .. ARGV[1], -1)
if ARGV[2] ~= '' then
  redis.call('HSET', KEYS[1], tried, ARGV[2])
else
  redis.call('HDEL', KEYS[1], tried)
end
