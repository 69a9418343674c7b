-- Removes a dataset.
-- KEYS: dataset, index of names
-- ARGV: name, seconds that readers have to end
-- Returns 1 if it was there
local chunks = redis.call('HGET', KEYS[1], 'chunks')
if not chunks then
  return 0
end
for _, key in ipairs(cmsgpack.unpack(chunks)) do
  redis.call('EXPIRE', key, ARGV[2])
end
redis.call('DEL', KEYS[1])
redis.call('ZREM', KEYS[2], ARGV[1])
return 1
