-- Stores a version of a judge, unless the name has one with the same content. A retired name is in use again.
--
-- KEYS  1 judge   hash  latest, version:<n> (JSON), created:<n>, digest:<digest> -> version, retired
--       2 judges  zset  names of judges
-- ARGV  1 name, 2 digest, 3 definition (JSON), 4 now (ISO 8601), 5 and 6 digest and JSON of the built-in judge of that
--       name, which is version 1; '' without one
-- Returns {version, 1 if it is new, else 0}
redis.call('HDEL', KEYS[1], 'retired')
if ARGV[5] ~= '' and redis.call('EXISTS', KEYS[1]) == 0 then
  redis.call('HSET', KEYS[1], 'latest', 1, 'digest:' .. ARGV[5], 1, 'version:1', ARGV[6], 'created:1', '')
end
local known = redis.call('HGET', KEYS[1], 'digest:' .. ARGV[2])
if known then
  return {tonumber(known), 0}
end
local version = redis.call('HINCRBY', KEYS[1], 'latest', 1)
redis.call('HSET', KEYS[1], 'digest:' .. ARGV[2], version, 'version:' .. version, ARGV[3],
           'created:' .. version, ARGV[4])
redis.call('ZADD', KEYS[2], 0, ARGV[1])
return {version, 1}
