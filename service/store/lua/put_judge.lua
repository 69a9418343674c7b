-- Stores a version of a judge, unless the name has one of the same content. A name that was retired takes jobs again.
-- KEYS: judge, index of names
-- ARGV: name, digest, version as JSON, now (ISO 8601), then digest and JSON of the built-in judge of that name
--       ('' without one), which is version 1
-- Returns {version, 1 if it is new}
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
